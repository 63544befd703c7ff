import type { Calls } from '../http/call.js';
import { AsyncApiDocument } from './docs.answers.js';

export const docsCalls = {
  getOpenApi: {
    method: 'get',
    path: '/openapi.json',
    query: 'unread',
    problems: [],
    summary: 'This contract as OpenAPI 3.1.',
    answer: { status: 200, description: 'The document', type: 'application/json' },
  },
  getAsyncApi: {
    method: 'get',
    path: '/asyncapi.json',
    query: 'unread',
    problems: [],
    summary:
      'Every event with its schema, the streams that hold them and the calls that send them live, as AsyncAPI 3.0.',
    answer: { status: 200, description: 'The document', schema: AsyncApiDocument },
  },
  getDocs: {
    method: 'get',
    path: '/docs',
    query: 'unread',
    problems: [],
    summary: 'This contract as a page.',
    answer: { status: 200, description: 'The page', type: 'text/html' },
  },
} satisfies Calls;
