import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Settings } from './s3-options.ts';

/** The AWS SDK with a client. It takes a quarter of a second to load, so it is loaded only when needed. */
export interface S3Sdk {
  readonly sdk: typeof import('@aws-sdk/client-s3');
  readonly client: S3Client;
}

/** How a client other than the SDK, such as DuckDB, reaches the same server; valid until `expiresMs` if that is set. */
export interface S3Connection {
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken: string | undefined;
  readonly expiresMs: number | undefined;
  readonly region: string;
  /** Host and port; `undefined` stands for AWS. */
  readonly endpoint: string | undefined;
  readonly usesTls: boolean;
  readonly isPathStyle: boolean;
}

/** Maximum number of connections to one server; further requests wait. */
export const MAX_IN_FLIGHT = 64;

const CONNECT_TIMEOUT_MS = 5000;

/** A connection that is silent for this time counts as dead. */
const SILENCE_TIMEOUT_MS = 20_000;

const DEFAULT_REGION = 'us-east-1';

/** Deno, in which notebooks run, sends requests on connections that the server has closed, and waits for answers until the timeout. */
const KEEPS_CONNECTIONS = process.versions['deno'] === undefined;

/** Opens a client that keeps its connections where that works, and does not repeat requests by itself. */
export async function openS3Client(settings: S3Settings): Promise<S3Sdk> {
  // On Node 20 the SDK prints a warning at every start.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const { endpointUrl, isPathStyle } = settings;
  const region = settings.region ?? regionOfEnvironment(endpointUrl);
  // Servers other than AWS may not support the newer checksums; pixlake has its own.
  const checksums = endpointUrl === undefined ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
    forcePathStyle: isPathStyle,
    followRegionRedirects: endpointUrl === undefined,
    maxAttempts: 1,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_TIMEOUT_MS,
      httpAgent: { keepAlive: KEEPS_CONNECTIONS, maxSockets: MAX_IN_FLIGHT },
      httpsAgent: { keepAlive: KEEPS_CONNECTIONS, maxSockets: MAX_IN_FLIGHT },
    },
  });
  return { sdk, client };
}

/** Most servers other than AWS ignore the region, but a request must name one. */
function regionOfEnvironment(endpointUrl: string | undefined): string | undefined {
  const named = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  return named ?? (endpointUrl === undefined ? undefined : DEFAULT_REGION);
}

/** Describes how another client reaches the same bucket. @throws what the SDK's credential providers throw */
export async function describeConnection(
  bucket: { readonly open: () => Promise<S3Sdk> },
  settings: S3Settings,
): Promise<S3Connection> {
  const { client } = await bucket.open();
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await client.config.credentials();
  const endpoint = settings.endpointUrl === undefined ? undefined : new URL(settings.endpointUrl);
  return {
    keyId: accessKeyId,
    secret: secretAccessKey,
    sessionToken,
    expiresMs: expiration?.getTime(),
    region: await client.config.region(),
    endpoint:
      endpoint === undefined ? undefined : `${endpoint.host}${endpoint.pathname.replace(/\/+$/u, '')}`,
    usesTls: endpoint?.protocol !== 'http:',
    isPathStyle: settings.isPathStyle,
  };
}
