import type { End } from './decide.js';
import type { Judgement } from './definition.js';
import type { Saga } from './saga.js';

/** Judged again when its turn has come; one that was aborted meanwhile has only to end. */
export function isJudged(saga: Saga): boolean {
  return saga.status === 'pending' && saga.abort === null;
}

/** What no longer makes sense ends rejected, what alters nothing completes. */
export function turnOf(judgement: Judgement): 'go' | 'wait' | End {
  switch (judgement.verdict) {
    case 'go':
    case 'wait':
      return judgement.verdict;
    case 'nothing_to_do':
      return { as: 'completed' };
    case 'refuse':
      return { as: 'rejected', error: judgement.error };
  }
}
