import { z } from 'zod';
import {
  EventList,
  Verdict,
  Correlation,
  CommandList,
  ProjectionList,
  ProjectionAnswer,
} from '../../log/log.answers.js';
import { page, core, type Call } from './call.js';

const eventFilters = { stream: z.string(), type: z.string(), correlation_id: z.string() };
const position = z.int().min(0);

export const logCalls: Call[] = [
  {
    id: 'listEvents',
    tag: 'log',
    method: 'get',
    path: '/events',
    problems: ['validation_failed', ...core],
    query: { after: position, limit: page.limit, cursor: position, ...eventFilters },
    summary: 'Every event after a position, in global order.',
    answer: { status: 200, description: 'A page of events', schema: EventList },
  },
  {
    id: 'streamEvents',
    tag: 'log',
    method: 'get',
    path: '/events/stream',
    problems: ['validation_failed', ...core],
    query: { after: position, ...eventFilters },
    summary:
      'The same, live: server-sent events whose id is the position; `Last-Event-ID` resumes, and nothing is skipped.',
    answer: { status: 200, description: 'Events as they come', type: 'text/event-stream' },
  },
  {
    id: 'verifyEvents',
    tag: 'log',
    method: 'get',
    path: '/events/verify',
    problems: ['validation_failed', ...core],
    query: {
      head: z.string().describe('`<position>:<hash>` as it was kept elsewhere: without it a cut tail cannot be found.'),
    },
    summary: 'Whether any event was changed, removed or reordered, and which.',
    answer: { status: 200, description: 'The verdict', schema: Verdict },
  },
  {
    id: 'getCorrelation',
    tag: 'log',
    method: 'get',
    path: '/events/{id}/correlation',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'The tree of what caused what, from the request to the last step.',
    answer: { status: 200, description: 'The tree', schema: Correlation },
  },
  {
    id: 'listCommands',
    tag: 'log',
    method: 'get',
    path: '/commands',
    problems: ['validation_failed', ...core],
    query: { limit: page.limit, cursor: z.string(), saga_id: z.string() },
    summary:
      'Every command received, refused ones included, newest first: who, what (secrets left out) and the outcome.',
    answer: { status: 200, description: 'A page of commands', schema: CommandList },
  },
  {
    id: 'listProjections',
    tag: 'log',
    method: 'get',
    path: '/projections',
    problems: ['validation_failed', ...core],
    query: page,
    summary: 'What is kept from the log, and how far each has come.',
    answer: { status: 200, description: 'All of them', schema: ProjectionList },
  },
  {
    id: 'rebuildProjection',
    tag: 'log',
    method: 'post',
    path: '/projections/{name}/rebuild',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'Build a read model anew from the first event; reads go on meanwhile.',
    answer: { status: 202, description: 'Begun', schema: ProjectionAnswer },
  },
];
