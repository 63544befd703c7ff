import { EventList, Verdict, Correlation, CommandList, ProjectionList, ProjectionAnswer } from './log.answers.js';
import { core, type Calls } from '../http/call.js';
import { pageQuery } from '../http/input.js';
import { commandsQuery } from './command-log.js';
import { eventsQuery, liveQuery, verifyQuery } from './log.queries.js';

export const logCalls = {
  listEvents: {
    method: 'get',
    path: '/events',
    problems: ['validation_failed', ...core],
    query: eventsQuery,
    summary: 'Every event after a position, in global order.',
    answer: { status: 200, description: 'A page of events', schema: EventList },
  },
  streamEvents: {
    method: 'get',
    path: '/events/stream',
    problems: ['validation_failed', ...core],
    query: liveQuery,
    summary:
      'The same, live: server-sent events whose id is the position; `Last-Event-ID` resumes, and nothing is skipped.',
    answer: { status: 200, description: 'Events as they come', type: 'text/event-stream' },
  },
  verifyEvents: {
    method: 'get',
    path: '/events/verify',
    problems: ['validation_failed', ...core],
    query: verifyQuery,
    summary: 'Whether any event was changed, removed or reordered, and which.',
    answer: { status: 200, description: 'The verdict', schema: Verdict },
  },
  getCorrelation: {
    method: 'get',
    path: '/events/{id}/correlation',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'The tree of what caused what, from the request to the last step.',
    answer: { status: 200, description: 'The tree', schema: Correlation },
  },
  listCommands: {
    method: 'get',
    path: '/commands',
    problems: ['validation_failed', ...core],
    query: commandsQuery,
    summary:
      'Every command received, refused ones included, newest first: who, what (secrets left out) and the outcome.',
    answer: { status: 200, description: 'A page of commands', schema: CommandList },
  },
  listProjections: {
    method: 'get',
    path: '/projections',
    problems: ['validation_failed', ...core],
    query: pageQuery,
    summary: 'What is kept from the log, and how far each has come.',
    answer: { status: 200, description: 'All of them', schema: ProjectionList },
  },
  rebuildProjection: {
    method: 'post',
    path: '/projections/{name}/rebuild',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'Build a read model anew from the first event; reads go on meanwhile.',
    answer: { status: 202, description: 'Begun', schema: ProjectionAnswer },
  },
} satisfies Calls;
