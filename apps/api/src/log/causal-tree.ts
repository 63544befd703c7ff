import type { StoredEvent } from '#event-store';
import { sagaStreams } from '#sagas';

export type Caused = StoredEvent & { caused: Caused[] };

/**
 * What caused what, nested; events in global order at every depth. An event belongs under the one that its causation_id
 * names. Where that is a saga's id instead, it is the saga's first event; a saga's first event without a cause belongs
 * under the earlier event that speaks of the saga. What has no cause here is at the top.
 */
export function causalTree(events: readonly StoredEvent[]): Caused[] {
  const nodes = events.map((event): Caused => ({ ...event, caused: [] }));
  const byId = new Map(nodes.map((node) => [node.event_id, node]));
  const beginnings = new Map(nodes.filter((node) => node.version === 1).map((node) => [node.stream, node]));
  const roots: Caused[] = [];
  for (const node of nodes) {
    const cause = causeOf(node, byId, beginnings, nodes);
    // A cause comes before its effect: anything else is no cause, and could make a ring that nobody sees.
    (cause !== undefined && cause.position < node.position ? cause.caused : roots).push(node);
  }
  return roots;
}

function causeOf(
  node: Caused,
  byId: Map<string, Caused>,
  beginnings: Map<string, Caused>,
  nodes: readonly Caused[],
): Caused | undefined {
  const { causation_id } = node.metadata;
  if (causation_id !== null) return byId.get(causation_id) ?? beginnings.get(sagaStreams.name(causation_id));
  const sagaId = sagaStreams.idOf(node.stream);
  if (sagaId === null || node.version !== 1) return undefined;
  return nodes.find((other) => other.position < node.position && speaksOf(other, sagaId));
}

function speaksOf({ data }: StoredEvent, sagaId: string): boolean {
  return 'saga_id' in data && data.saga_id === sagaId;
}
