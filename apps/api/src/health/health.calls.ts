import { Live, Ready } from './health.answers.js';
import { core, type Calls } from '../http/call.js';

export const healthCalls = {
  isLive: {
    method: 'get',
    path: '/health/live',
    query: 'unread',
    problems: [],
    summary: 'The process runs.',
    answer: { status: 200, description: 'It does', schema: Live },
  },
  isReady: {
    method: 'get',
    path: '/health/ready',
    query: 'unread',
    problems: [...core, 'clock_off', 'queue_unavailable'],
    summary: "The core database and the queue answer, and this process's clock is right.",
    answer: { status: 200, description: 'So it is', schema: Ready },
  },
  getMetrics: {
    method: 'get',
    path: '/metrics',
    query: 'unread',
    problems: [],
    summary: 'Metrics for Prometheus.',
    answer: { status: 200, description: 'Text format 0.0.4', type: 'text/plain' },
  },
} satisfies Calls;
