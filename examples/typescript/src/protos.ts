// The wire contract, read from the repository's protos/ (or from $QUOTEWIRE_PROTOS) at start.
import { loadSync } from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";

const folder = process.env["QUOTEWIRE_PROTOS"] ?? fileURLToPath(new URL("../../../protos", import.meta.url));

// The options that the types in generated/ were made for (package.json, "generate").
export const definition = loadSync(
  [
    "quotewire/v1/extraction_service.proto",
    "quotewire/v1/model_service.proto",
    "google/rpc/error_details.proto",
  ],
  { includeDirs: [folder], longs: Number, enums: String, defaults: true, oneofs: true },
);
