import type { FastifyInstance } from 'fastify';

/** Every route as it was registered, to tell a path that is not there from one that is there for other methods. */
export class Routes {
  private readonly methods = new Map<string, { parts: string[]; methods: Set<string> }>();

  /** Before the first route. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ url, method }) => {
      const known = this.methods.get(url) ?? { parts: partsOf(url), methods: new Set() };
      for (const one of [method].flat()) known.methods.add(one);
      this.methods.set(url, known);
    });
  }

  /** The methods that this path takes; none: there is no such path. */
  allowed(path: string): string[] {
    const parts = partsOf(path);
    const found = [...this.methods.values()].filter(
      (route) =>
        route.parts.length === parts.length &&
        route.parts.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i])),
    );
    return [...new Set(found.flatMap((route) => [...route.methods]))].filter((method) => method !== 'OPTIONS').sort();
  }
}

/** A slash at the end says nothing. */
function partsOf(path: string): string[] {
  const parts = path.split('/').slice(1);
  return parts.length > 1 && parts.at(-1) === '' ? parts.slice(0, -1) : parts;
}
