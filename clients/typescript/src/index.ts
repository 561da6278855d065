/** A memory on a server: `connect`, and everything that is generated from the server's description. */

import { createClient, createConfig } from "./generated/client/index.js";
import { Memory } from "./generated/index.js";

export * from "./generated/index.js";

/** What the server refused, or that no answer came. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";

  constructor(
    message: string,
    /** The status of the answer; undefined where none came. */
    readonly status: number | undefined,
    /** The kind of problem, such as "not-found"; undefined for what is no problem of this server. */
    readonly kind: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The memory behind a URL. Its methods return what the server answers, and throw MemoryError. */
export function connect(url: string, key?: string): Memory {
  const client = createClient(
    createConfig({ baseUrl: url.replace(/\/+$/, ""), throwOnError: true, ...(key && { auth: key }) }),
  );
  client.interceptors.error.use((error, response) => refused(error, response?.status));
  return new Memory({ client });
}

const PROBLEM = "urn:parametric-memory:problem:";

function refused(error: unknown, status: number | undefined): MemoryError {
  if (error instanceof Error) {
    return new MemoryError(`no answer from the server: ${error.message}`, status, undefined, { cause: error });
  }
  const said = (error ?? {}) as { type?: string; detail?: string; error?: { message: string; code: string | null } };
  if (said.error) {
    return new MemoryError(said.error.message, status, said.error.code?.replaceAll("_", "-"), { cause: error });
  }
  const kind = said.type?.startsWith(PROBLEM) ? said.type.slice(PROBLEM.length) : undefined;
  return new MemoryError(said.detail ?? `the server answers ${status}`, status, kind, { cause: error });
}
