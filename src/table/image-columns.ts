/** The columns that describe an image in every table and manifest, in order: where it is, what it is, whether it can be read. */
export const IMAGE_COLUMNS = [
  { name: 'image_key', type: 'VARCHAR' },
  { name: 'image_sha256', type: 'VARCHAR' },
  { name: 'image_bytes', type: 'BIGINT' },
  { name: 'image_format', type: 'VARCHAR' },
  { name: 'image_width', type: 'INTEGER' },
  { name: 'image_height', type: 'INTEGER' },
  { name: 'image_channels', type: 'INTEGER' },
  { name: 'image_frames', type: 'INTEGER' },
  { name: 'image_bit_depth', type: 'INTEGER' },
  { name: 'image_status', type: 'VARCHAR' },
  { name: 'image_reason', type: 'VARCHAR' },
] as const satisfies readonly {
  readonly name: string;
  readonly type: 'VARCHAR' | 'BIGINT' | 'INTEGER';
}[];
