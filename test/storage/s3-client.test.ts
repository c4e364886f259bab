import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeConnection, openS3Client } from '../../src/storage/s3-client.ts';
import { resolveS3, type S3Options } from '../../src/storage/s3-options.ts';
import { startFakeS3 } from '../support/fake-s3.ts';

const OWN = { endpointUrl: 'http://127.0.0.1:9000' };

const openClient = async (options: S3Options) => (await openS3Client(resolveS3(options, {}))).client;

const VARIABLES = {
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: undefined,
  AWS_CREDENTIAL_EXPIRATION: undefined,
  AWS_REGION: undefined,
  AWS_DEFAULT_REGION: undefined,
  AWS_ENDPOINT_URL: undefined,
  AWS_ENDPOINT_URL_S3: undefined,
  AWS_CONFIG_FILE: '/nowhere/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials',
};

beforeEach(() => {
  for (const [name, value] of Object.entries(VARIABLES)) vi.stubEnv(name, value);
});

afterEach(() => void vi.unstubAllEnvs());

test('AWS is asked as it is by default: region by region, with its checksums', async () => {
  const { config } = await openClient({ region: 'eu-west-1' });
  expect(await config.region()).toBe('eu-west-1');
  expect(config.isCustomEndpoint).toBe(false);
  expect(config.forcePathStyle).toBe(false);
  expect(config.followRegionRedirects).toBe(true);
  expect(await config.requestChecksumCalculation()).toBe('WHEN_SUPPORTED');
  expect(await config.responseChecksumValidation()).toBe('WHEN_SUPPORTED');
});

test('another server is asked at its address, and for no checksums that it may not know', async () => {
  const { config } = await openClient(OWN);
  expect(await config.endpoint?.()).toMatchObject({ hostname: '127.0.0.1', port: 9000, protocol: 'http:' });
  expect(config.forcePathStyle).toBe(true);
  expect(config.followRegionRedirects).toBe(false);
  expect(await config.requestChecksumCalculation()).toBe('WHEN_REQUIRED');
  expect(await config.responseChecksumValidation()).toBe('WHEN_REQUIRED');
});

test('the region comes from the options, else from the environment; only other servers need none', async () => {
  const regionOf = async (options: S3Options): Promise<string> => (await openClient(options)).config.region();
  expect(await regionOf(OWN)).toBe('us-east-1');
  await expect(regionOf({})).rejects.toThrow('Region is missing');
  vi.stubEnv('AWS_DEFAULT_REGION', 'eu-north-1');
  expect([await regionOf(OWN), await regionOf({})]).toEqual(['eu-north-1', 'eu-north-1']);
  vi.stubEnv('AWS_REGION', 'eu-south-1');
  expect([await regionOf(OWN), await regionOf({})]).toEqual(['eu-south-1', 'eu-south-1']);
  expect(await regionOf({ ...OWN, region: 'us-west-2' })).toBe('us-west-2');
});

test('connections are kept, 64 of them, and given up when nothing answers; requests are repeated elsewhere', async () => {
  const { store } = await startFakeS3();
  const { sdk, client } = await openS3Client(resolveS3(store.s3));
  await client.send(new sdk.ListObjectsV2Command({ Bucket: 'bucket' }));
  const agent = expect.objectContaining({
    keepAlive: true,
    maxSockets: 64,
    options: expect.objectContaining({ keepAlive: true }),
  });
  const handler = client.config.requestHandler as { httpHandlerConfigs?: () => object };
  expect(handler.httpHandlerConfigs?.()).toMatchObject({
    connectionTimeout: 5000,
    socketTimeout: 20_000,
    httpAgent: agent,
    httpsAgent: agent,
  });
  expect(await client.config.maxAttempts()).toBe(1);
});

test('the SDK does not warn of the age of Node, unless that is wanted', async () => {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  vi.stubEnv(name, undefined);
  await openClient(OWN);
  expect(process.env[name]).toBe('true');
  vi.stubEnv(name, 'false');
  await openClient(OWN);
  expect(process.env[name]).toBe('false');
});

const connect = async (options: S3Options) => {
  const settings = resolveS3(options, {});
  return describeConnection({ open: () => openS3Client(settings) }, settings);
};

test('other clients are told how to reach AWS', async () => {
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2030-01-02T03:04:05Z');
  expect(await connect({ region: 'eu-west-1' })).toEqual({
    keyId: 'key',
    secret: 'secret',
    sessionToken: 'token',
    expiresMs: Date.UTC(2030, 0, 2, 3, 4, 5),
    region: 'eu-west-1',
    endpoint: undefined,
    usesTls: true,
    isPathStyle: false,
  });
});

test('and how to reach another server', async () => {
  expect(await connect(OWN)).toEqual({
    keyId: 'key',
    secret: 'secret',
    sessionToken: undefined,
    expiresMs: undefined,
    region: 'us-east-1',
    endpoint: '127.0.0.1:9000',
    usesTls: false,
    isPathStyle: true,
  });
  expect(await connect({ endpointUrl: 'https://host/a/b//', isPathStyle: false })).toMatchObject({
    endpoint: 'host/a/b',
    usesTls: true,
    isPathStyle: false,
  });
});
