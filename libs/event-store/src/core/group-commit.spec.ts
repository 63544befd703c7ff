import { beforeEach, describe, expect, test } from '@jest/globals';
import { CoreUnavailable } from '../errors.js';
import { GroupCommit, type GroupVerbs } from './group-commit.js';

/** What the connection was asked to do, in order. */
let did: string[];
let open: boolean;
beforeEach(() => {
  did = [];
  open = false;
});

function group(change: Partial<GroupVerbs> = {}): GroupCommit {
  return new GroupCommit({
    async begin() {
      did.push('begin');
      open = true;
    },
    async commit() {
      did.push('commit');
      open = false;
    },
    rollback() {
      did.push('rollback');
      open = false;
    },
    isOpen: () => open,
    ...change,
  });
}

const work = (name: string) => async (): Promise<string> => {
  did.push(name);
  return name;
};
const failing = (name: string) => async (): Promise<never> => {
  did.push(name);
  throw new Error(name);
};
async function outcomes(joined: readonly { outcome: Promise<unknown> }[]): Promise<string[]> {
  const settled = await Promise.allSettled(joined.map(({ outcome }) => outcome));
  return settled.map((one) => (one.status === 'fulfilled' ? String(one.value) : `failed: ${one.reason.message}`));
}

describe('a group of transactions', () => {
  test('is begun and committed once, in the order in which they came', async () => {
    const commits = group();
    expect(await outcomes(['a', 'b', 'c'].map((name) => commits.join(work(name))))).toEqual(['a', 'b', 'c']);
    expect(did).toEqual(['begin', 'a', 'b', 'c', 'commit']);
  });

  test('that all fail waits for no disk', async () => {
    const commits = group();
    expect(await outcomes(['a', 'b'].map((name) => commits.join(failing(name))))).toEqual(['failed: a', 'failed: b']);
    expect(did).toEqual(['begin', 'a', 'b', 'rollback']);
  });

  test('whose commit fails is undone for all of them; who failed before is told why', async () => {
    const commits = group({
      async commit() {
        throw new Error('the disk');
      },
    });
    const joined = [commits.join(work('a')), commits.join(failing('b')), commits.join(work('c'))];
    expect(await outcomes(joined)).toEqual(['failed: the disk', 'failed: b', 'failed: the disk']);
  });

  test('that the engine rolls back by itself is undone for those that came before, and goes on with the others', async () => {
    const commits = group();
    const full = async (): Promise<never> => {
      open = false;
      throw new Error('the disk is full');
    };
    const joined = [commits.join(work('a')), commits.join(full), commits.join(work('c'))];
    await expect(joined[0]!.outcome).rejects.toBeInstanceOf(CoreUnavailable);
    await expect(joined[1]!.outcome).rejects.toThrow('the disk is full');
    expect(await joined[2]!.outcome).toBe('c');
    expect(did).toEqual(['begin', 'a', 'begin', 'c', 'commit']);
  });

  test('that cannot begin is a failure of the first alone: the others have waited for less time', async () => {
    let begun = 0;
    const commits = group({
      async begin() {
        if (++begun === 1) throw new Error('locked');
        open = true;
      },
    });
    expect(await outcomes([commits.join(work('a')), commits.join(work('b'))])).toEqual(['failed: locked', 'b']);
  });

  test('is left by who has waited for too long, and by nobody who is under way', async () => {
    const commits = group();
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isUnderWay = (): void => undefined;
    const underWay = new Promise<void>((resolve) => {
      isUnderWay = resolve;
    });
    const first = commits.join(async () => {
      isUnderWay();
      await gate;
      return 'a';
    });
    const second = commits.join(work('b'));
    await underWay;
    for (const { leave } of [first, second]) leave(new Error('too long'));
    goOn();
    expect(await outcomes([first, second])).toEqual(['a', 'failed: too long']);
    expect(did).toEqual(['begin', 'commit']);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('is joined by who comes %i moments after it', async (moments) => {
    const commits = group();
    await commits.join(work('a')).outcome;
    for (let i = 0; i < moments; i++) await Promise.resolve();
    expect(await commits.join(work('b')).outcome).toBe('b');
    await commits.idle();
    expect(await commits.join(work('c')).outcome).toBe('c');
  });
});
