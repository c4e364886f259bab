import { z } from 'zod';

/** Name of a table in a path. */
export const tableParam = z.string().min(1).max(160).describe('name of a table, or runs.<name>');
