import { defineConfig } from "@hey-api/openapi-ts";

// The description is that of the server in use: MEMORY_URL, by default one on this machine.
const server = process.env.MEMORY_URL ?? "http://127.0.0.1:8750";

export default defineConfig({
  input: `${server}/openapi.json`,
  output: { path: "src/generated", importFileExtension: ".js" },
  plugins: [
    "@hey-api/typescript",
    { name: "@hey-api/client-fetch", throwOnError: true },
    {
      name: "@hey-api/sdk",
      responseStyle: "data",
      operations: { strategy: "single", containerName: "Memory" },
    },
  ],
});
