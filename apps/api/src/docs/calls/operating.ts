import { Live, Ready } from '../../health/health.answers.js';
import { AsyncApiDocument } from '../docs.answers.js';
import { core, type Call } from './call.js';

export const operatingCalls: Call[] = [
  {
    id: 'isLive',
    tag: 'operating',
    method: 'get',
    path: '/health/live',
    problems: [],
    summary: 'The process runs.',
    answer: { status: 200, description: 'It does', schema: Live },
  },
  {
    id: 'isReady',
    tag: 'operating',
    method: 'get',
    path: '/health/ready',
    problems: [...core, 'clock_off', 'queue_unavailable'],
    summary: "The core database and the queue answer, and this process's clock is right.",
    answer: { status: 200, description: 'So it is', schema: Ready },
  },
  {
    id: 'getMetrics',
    tag: 'operating',
    method: 'get',
    path: '/metrics',
    problems: [],
    summary: 'Metrics for Prometheus.',
    answer: { status: 200, description: 'Text format 0.0.4', type: 'text/plain' },
  },
  {
    id: 'getOpenApi',
    tag: 'operating',
    method: 'get',
    path: '/openapi.json',
    problems: [],
    summary: 'This contract as OpenAPI 3.1.',
    answer: { status: 200, description: 'The document', type: 'application/json' },
  },
  {
    id: 'getAsyncApi',
    tag: 'operating',
    method: 'get',
    path: '/asyncapi.json',
    problems: [],
    summary:
      'Every event with its schema, the streams that hold them and the calls that send them live, as AsyncAPI 3.0.',
    answer: { status: 200, description: 'The document', schema: AsyncApiDocument },
  },
  {
    id: 'getDocs',
    tag: 'operating',
    method: 'get',
    path: '/docs',
    problems: [],
    summary: 'This contract as a page.',
    answer: { status: 200, description: 'The page', type: 'text/html' },
  },
];
