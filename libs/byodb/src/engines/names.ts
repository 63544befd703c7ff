/** The list of engines. Elsewhere no engine's name is spelled or compared: in what they differ is a fact of theirs. */
export const SERVER_ENGINES = ['postgres', 'mysql'] as const;
export const FILE_ENGINES = ['sqlite'] as const;
export const ENGINE_NAMES = [...SERVER_ENGINES, ...FILE_ENGINES] as const;

export type ServerEngine = (typeof SERVER_ENGINES)[number];
export type FileEngine = (typeof FILE_ENGINES)[number];
export type EngineName = ServerEngine | FileEngine;

export function isFileEngine(name: EngineName): name is FileEngine {
  return FILE_ENGINES.some((engine) => engine === name);
}
