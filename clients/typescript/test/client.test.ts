/** The client against the live server of MEMORY_URL, with the tenant of MEMORY_KEY. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { connect, MemoryError } from "../src/index.js";

const url = process.env.MEMORY_URL ?? "http://127.0.0.1:8750";
const key = process.env.MEMORY_KEY;
const memory = connect(url, key);
const DOG = "My dog is called Biscuit.";

/** A user whom no other test knows. */
const somebody = () => randomUUID();

async function told(user_id: string, text = DOG): Promise<string> {
  const added = await memory.addMemory({ body: { user_id, text } });
  assert.ok("memories" in added);
  return added.memories[0]!.id;
}

test("what is told is found, answered, changed and forgotten", async () => {
  const user_id = somebody();
  const memory_id = await told(user_id);
  const { hits } = await memory.searchMemories({ body: { user_id, query: "What is my dog called?" } });
  assert.equal(hits[0]?.memory.id, memory_id);
  const reply = await memory.completeChat({
    body: {
      model: "reference",
      user: user_id,
      store: false,
      messages: [{ role: "user", content: "What is my dog called?" }],
    },
  });
  assert.match(String(reply.choices[0]?.message.content), /Biscuit/);
  const changed = await memory.updateMemory({ path: { memory_id }, body: { pinned: true } });
  assert.equal(changed.pinned, true);
  const receipt = await memory.forget({ body: { user_id } });
  assert.deepEqual(receipt.memories.map((gone) => gone.memory_id), [memory_id]);
  const { events } = await memory.getMemoryHistory({ path: { memory_id } });
  assert.deepEqual(events.map(({ event }) => event), ["ADD", "UPDATE", "DELETE"]);
});

test("a write that is sent again under its key is done once", async () => {
  const headers = { "Idempotency-Key": randomUUID() };
  const body = { user_id: somebody(), messages: [{ role: "user" as const, content: DOG }] };
  const [first, again] = [await memory.addMemory({ body, headers }), await memory.addMemory({ body, headers })];
  assert.deepEqual(again, first);
});

test("a call is given up by its signal", async () => {
  const given = memory.getStatus({ signal: AbortSignal.abort() });
  await assert.rejects(given, { name: "MemoryError", status: undefined });
});

test("a session keeps its turns, whatever its name", async () => {
  const user_id = somebody();
  const session_id = "a/b c";
  await memory.appendTurns({ path: { session_id }, body: { user_id, messages: [{ role: "user", content: DOG }] } });
  const { turns } = await memory.listTurns({ path: { session_id }, query: { user_id } });
  assert.deepEqual(turns.map(({ content }) => content), [DOG]);
});

test("pages lead from one to the next", async () => {
  const user_id = somebody();
  for (const n of [1, 2, 3]) await told(user_id, `Room ${n} belongs to guest ${n}.`);
  const first = await memory.listMemories({ query: { user_id, limit: 2 } });
  const second = await memory.listMemories({ query: { user_id, limit: 2, cursor: first.cursor } });
  assert.equal(new Set([...first.memories, ...second.memories].map(({ id }) => id)).size, 3);
  assert.equal(second.cursor, null);
});

test("what the server refuses is a MemoryError with its kind", async () => {
  const unknown = memory.getMemory({ path: { memory_id: "nobody" } });
  await assert.rejects(unknown, { name: "MemoryError", status: 404, kind: "not-found" });
  const nobodys = memory.listMemories({ query: {} });
  await assert.rejects(nobodys, { status: 422, kind: "missing-scope" });
  const model = memory.getModel({ path: { model: "gpt" } });
  await assert.rejects(model, { status: 404, kind: "not-found", message: /no model 'gpt'/ });
});

test("a wrong key, and a server that is away, are said without the key", async () => {
  const wrong = connect(url, "pm_wrong").listMemories({ query: { user_id: "ana" } });
  await assert.rejects(wrong, (error) => {
    assert.ok(error instanceof MemoryError);
    assert.equal(error.status, 401);
    assert.doesNotMatch(`${error.message}`, /pm_wrong/);
    return true;
  });
  const away = connect("http://127.0.0.1:9").getLiveness();
  await assert.rejects(away, { name: "MemoryError", status: undefined, message: /no answer/ });
});
