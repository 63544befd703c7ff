import type { Sample } from '../measure.js';

/** `work` for each of the items, by so many clients side by side, each with one at a time. */
export async function byClients<T>(
  clients: number,
  items: readonly T[],
  work: (item: T, client: number) => Promise<void>,
): Promise<Sample> {
  const sample: Sample = { ms: [], seconds: 0, errors: [] };
  let next = 0;
  const client = async (number: number): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      const began = performance.now();
      try {
        await work(items[i]!, number);
        sample.ms.push(performance.now() - began);
      } catch (error) {
        sample.errors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  sample.seconds = (performance.now() - began) / 1000;
  return sample;
}
