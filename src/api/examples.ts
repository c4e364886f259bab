/*
 * Examples of the OpenAPI description: what a lake with the sample (`pixlake sample`, `pixlake ingest`) takes and gives. A test validates each
 * against its schema, and sends the requests to a server.
 */

const SHOES = "SELECT * FROM images WHERE gender = 'Men' AND subCategory = 'Shoes'";

/** What one writes of a transform; all other fields have their defaults. */
const TRANSFORM = { crop: 0.1, flip: 0.5, size: 224, fit: 'cover' };

const MODEL_NAME = 'fashion-tiny';

const MODEL_SHA256 = '1c7064f05e6f798a6620882d8e29eef27e0e1192b555e6e98c2f0debf12fa935';

const SOFTWARE = 'pixlake/0.1.0';

/** Body of `POST /v1/query`. */
export const QUERY = {
  sql: 'SELECT gender, count(*) AS images FROM images WHERE year > $year GROUP BY ALL ORDER BY gender',
  parameters: { year: 2012 },
  limit: 2,
};

/** Its rows. */
export const ROWS = [
  { gender: 'Boys', images: 4 },
  { gender: 'Girls', images: 8 },
];

/** Body of `POST /v1/runs`. */
export const RUN_SPEC = {
  name: 'mens-shoes',
  sql: SHOES,
  copies: 2,
  seed: 7,
  transform: TRANSFORM,
  model: MODEL_NAME,
};

/** A finished run. */
export const RUN = {
  id: 'mens-shoes',
  state: 'finished' as const,
  spec: {
    name: 'mens-shoes',
    sql: SHOES,
    idColumn: 'id',
    copies: 2,
    seed: 7,
    transform: {
      crop: 0.1,
      aspectScale: null,
      aspectRatio: null,
      brightness: 0,
      contrast: 0,
      grayscale: 0,
      rotate: 0,
      size: 224,
      fit: 'cover',
      background: '#ffffff',
      flip: 0.5,
      blur: 0,
      format: 'jpeg',
      quality: 90,
    },
    maxPixels: 268_402_689,
    maxImageMemory: 1_073_741_824,
    model: MODEL_NAME,
  },
  submittedAt: '2026-11-28T14:32:29.612Z',
  startedAt: '2026-11-28T14:32:29.766Z',
  finishedAt: '2026-11-28T14:32:30.289Z',
  runId: 'e79acfab95be9ab8',
  sourceTable: 'images',
  sourceVersion: 0,
  rowCount: 80,
  totalImages: 160,
  imageCount: 160,
  errorCount: 0,
  retryCount: 0,
  isRetrying: false,
  shardCount: 2,
  finishedShardCount: 2,
  model: { name: MODEL_NAME, sha256: MODEL_SHA256, isTrained: true },
  error: null,
  output: {
    table: 'runs."mens-shoes"',
    errors: 'errors."mens-shoes"',
    folder: 'runs/mens-shoes/run_id=e79acfab95be9ab8',
    manifest: '/v1/runs/mens-shoes/manifest',
    images: '/v1/runs/mens-shoes/images/{image_key}',
  },
  links: {
    self: '/v1/runs/mens-shoes',
    events: '/v1/runs/mens-shoes/events',
    manifest: '/v1/runs/mens-shoes/manifest',
  },
};

/** Body of `POST /v1/runs/{id}/retry`. */
export const RETRY_FILTER = { stage: 'read' as const, code: 'OBJECT_NOT_FOUND' };

/** A row of a manifest, without most of its columns. */
export const MANIFEST_ROW = {
  id: 19_313,
  articleType: 'Formal Shoes',
  image_id: '19313-0',
  copy: 0,
  image_key: 'runs/mens-shoes/run_id=e79acfab95be9ab8/images/e7/00000/19313-0.jpg',
  image_sha256: '7b4b88c0beeeaea0345242dafd5041d8ea78cc39c4d39946a6e135b569bd112c',
  image_bytes: 4113,
  image_width: 224,
  image_height: 224,
  source_key: 'originals/images/19313.jpg',
  crop_left: 0,
  crop_top: 0,
  crop_width: 59,
  crop_height: 73,
  flipped: false,
  pred_articleType: 'Formal Shoes',
  pred_articleType_score: 0.497_777_13,
  run_id: 'e79acfab95be9ab8',
  image_url: '/v1/runs/mens-shoes/images/runs/mens-shoes/run_id=e79acfab95be9ab8/images/e7/00000/19313-0.jpg',
};

/** Body of `POST /v1/process`, with the transform of the run. */
export const PROCESS = {
  table: 'images',
  ids: [19_313],
  copies: 2,
  seed: 7,
  transform: TRANSFORM,
  model: MODEL_NAME,
};

/** One of its images, described as JSON. */
export const PROCESSED = {
  id: '19313',
  copy: 0,
  image: {
    format: 'jpeg',
    width: 224,
    height: 224,
    sizeBytes: 4113,
    original: {
      width: 60,
      height: 80,
      sha256: 'e1f1e0d56cae0b24af2b25ce561c7030a2cab7a97a9a6f313179e7fc7f04e058',
    },
    drawn: {
      cropLeft: 0,
      cropTop: 0,
      cropWidth: 59,
      cropHeight: 73,
      brightness: 1,
      contrast: 1,
      isGray: false,
      rotation: 0,
      isFlipped: false,
      blur: 0,
    },
  },
  predictions: [
    {
      column: 'articleType',
      labels: ['Formal Shoes', 'Casual Shoes', 'Flats'],
      scores: [0.497_777_13, 0.294_098_97, 0.083_636_23],
    },
  ],
  error: null,
};

/** A table. */
export const TABLE = {
  name: 'images',
  version: 0,
  rowCount: 597,
  fileCount: 7,
  sizeBytes: 62_810,
  partitionColumns: ['masterCategory'],
  isAttached: false,
};

/** Some of its columns. */
export const TABLE_COLUMNS = [
  { name: 'id', type: 'long' },
  { name: 'gender', type: 'string' },
  { name: 'image_key', type: 'string' },
];

/** Its first version. */
export const TABLE_VERSION = {
  version: 0,
  timestamp: '2026-11-28T14:32:04.731Z',
  operation: 'WRITE',
  parameters: { source: 'styles.csv' },
  metrics: { numAddedRows: '597', numChangedRows: '0', numAddedFiles: '7', numRemovedFiles: '0' },
  software: SOFTWARE,
};

/** A model, with a part of its card. */
export const MODEL = {
  name: MODEL_NAME,
  description: 'Small catalogue classifier with seven heads and an embedding, for product shots on white',
  isTrained: true,
  isBuiltIn: true,
  card: {
    name: MODEL_NAME,
    licence: 'Apache-2.0',
    trained: true,
    sha256: MODEL_SHA256,
    input: { name: 'input', width: 80, height: 80, layout: 'NCHW', colorOrder: 'RGB', resize: 'contain' },
  },
};

/** The problem of a request that names a table which the lake does not have. */
export const PROBLEM = {
  type: 'urn:pixlake:TABLE_NOT_FOUND',
  title: 'the lake has no table or run with that name',
  status: 404,
  detail: 'no table shoes exists in <path>',
  code: 'TABLE_NOT_FOUND',
  remedy: 'the lake has: images, runs."mens-shoes"',
  requestId: '1cc5113f-0aaa-460c-b8db-57275b976023',
};
