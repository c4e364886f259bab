export { VERSION } from './version.ts';
export { type ErrorCode, ERRORS, messageOf, PixlakeError, toPixlakeError } from './errors.ts';
export { Lakehouse, openLakehouse } from './lakehouse.ts';
export type { Images } from './lakehouse/images.ts';
export type { Models } from './lakehouse/models.ts';
export type { LakehouseConfigSpec } from './lakehouse/parse-config.ts';
export type { QueryColumn, QueryResult } from './lakehouse/query-result.ts';
export type { Runs } from './lakehouse/runs.ts';
export type { Tables } from './lakehouse/tables.ts';
export { QUERY_FORMATS, type QueryFormat } from './result/query-formats.ts';
export type { PlainRow } from './result/plain-row.ts';
export type { PlainValue } from './result/plain-value.ts';
export type { Attachment } from './catalog/attached-table.ts';
export type { QueriedTable } from './catalog/found-table.ts';
export {
  fillSavedQuery,
  listSavedQueries,
  parseSavedQuery,
  type SavedQuery,
  type SavedQueryParameter,
  readSavedQuery,
} from './sql/saved-query.ts';
export type { TableFile, TableFiles } from './catalog/list-files.ts';
export type { QueryOptions } from './catalog/query-lake.ts';
export type { TableDescription, TableSummary } from './catalog/summarize-tables.ts';
export { drawSvg } from './image/draw-svg.ts';
export { DEFAULT_MODEL } from './model/built-in-models.ts';
export { DEVICES, type Device } from './model/devices.ts';
export type { ModelSummary } from './model/lake-models.ts';
export type { ModelCard } from './model/model-card.ts';
export type { LabelledImage, ModelLibrary, ModelVerdict } from './model/model-library.ts';
export type { Prediction } from './model/read-output.ts';
export type { IngestHooks, IngestProgress, IngestReport, IngestSpec } from './ingest/ingest-spec.ts';
export type { DeleteReport, DeleteSpec } from './maintenance/delete-rows.ts';
export type { DeleteRunReport, DeleteRunSpec } from './maintenance/delete-run.ts';
export type { DiskUsage, ExecutionUsage, NamedUsage, TableUsage, Usage } from './maintenance/disk-usage.ts';
export type { DropTableReport, DropTableSpec } from './maintenance/drop-table.ts';
export type { OptimizeReport, OptimizeSpec } from './maintenance/optimize-table.ts';
export type { KeptFiles, RemovedFiles } from './maintenance/remove-files.ts';
export type { RemoveModelReport, RemoveModelSpec } from './maintenance/remove-model.ts';
export type { RestoreReport } from './maintenance/restore-table.ts';
export type { SweepRunsSpec } from './maintenance/sweep-runs.ts';
export type { VacuumReport, VacuumSpec } from './maintenance/vacuum-table.ts';
export type { VerifyProblem } from './maintenance/verify-problem.ts';
export type { VerifyReport } from './maintenance/verify-table.ts';
export type { RunState } from './run/execution.ts';
export type { RunEstimate } from './run/estimate-run.ts';
export type { Execution } from './run/execution-schema.ts';
export type { RunError, RunListing, RunStatus, UnreadableRunStatus } from './run/inspect-runs.ts';
export type { SimilarSpec } from './run/find-similar.ts';
export type { RetryFilter } from './run/plan-retry.ts';
export type { RetryReport } from './run/retry-run.ts';
export type { RunReport } from './run/run-images.ts';
export type { RunHooks } from './run/run-library.ts';
export type { RunSpec } from './run/run-spec.ts';
export type { ProcessSpec } from './run/run-spec.ts';
export type { S3Options } from './storage/s3-options.ts';
export type { ShardProgress } from './work/attempt.ts';
export { type SampleSummary, writeSample } from './sample/write-sample.ts';
export type { TableVersion } from './table/table-history.ts';
export { QuerySandbox, SANDBOX_FORMATS, type SandboxResult } from './sandbox/query-sandbox.ts';
export type { SqlParameters } from './sandbox/query-messages.ts';
export { defaultSandboxLimits, type SandboxLimits } from './sandbox/sandbox-limits.ts';
export type { ImageLocation } from './catalog/image-location.ts';
export type { ImageLibrary, ImageSource } from './run/image-library.ts';
export type { MadeImage, UnmadeImage } from './run/process-one.ts';
