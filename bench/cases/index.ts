import type { Case } from '../case.js';
import { addColumn } from './add-column.js';
import { create } from './create.js';

/** In the order of docs/performance.md. */
export const cases: readonly Case[] = [create, addColumn];
