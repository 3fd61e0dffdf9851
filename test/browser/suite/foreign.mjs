// What the service signs and proves, checked by what shares no code with it: OpenSSL's Ed25519 as Node has it, and RFC 6962 from its text.
import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { SERVICE, accept, openPanel, test, visit } from "./lib.mjs";

const json = async (path) => {
  const response = await fetch(SERVICE + path);
  assert.equal(response.status, 200, path);
  return response.json();
};
const read = (part) => JSON.parse(Buffer.from(part, "base64url"));

// signed tells whether a compact JWS (RFC 7515) is signed by the one of the keys that it names, with EdDSA (RFC 8037).
const signed = (text, keys) => {
  const [header, payload, signature] = text.split(".");
  const { alg, kid } = read(header);
  const key = keys.find((one) => one.kid === kid);
  return alg === "EdDSA" && !!key && verify(null, Buffer.from(header + "." + payload), createPublicKey({ key, format: "jwk" }), Buffer.from(signature, "base64url"));
};

const node = (left, right) => createHash("sha256").update(Buffer.of(1)).update(left).update(right).digest();

// rootOf is the head of the tree of so many leaves to which a path leads from a leaf (RFC 6962, section 2.1.1).
const rootOf = (leaf, index, size, path) => {
  if (size === 1) return path.length ? null : leaf;
  const rest = path.slice(0, -1);
  const half = 2 ** Math.floor(Math.log2(size - 1));
  const other = path.at(-1);
  if (!other) return null;
  const below = index < half ? rootOf(leaf, index, half, rest) : rootOf(leaf, index - half, size - half, rest);
  return below && (index < half ? node(below, other) : node(other, below));
};

test("T29", "a foreign program verifies the receipt, and that its events are in the log", async (visitor) => {
  const tab = await visit(await visitor());
  await openPanel(tab);
  await accept(tab);
  const receipt = await tab.evaluate(() => window.rempart.receipt());
  const { keys } = await json("/.well-known/jwks.json");
  assert.ok(signed(receipt, keys));
  const [header, payload, signature] = receipt.split(".");
  const other = Buffer.from(JSON.stringify({ ...read(payload), aud: "blog" })).toString("base64url");
  assert.ok(!signed([header, other, signature].join("."), keys));
  assert.ok(!signed(receipt, keys.map((key) => ({ ...key, kid: "other" }))));

  const { ev } = read(payload);
  assert.ok(ev.length > 1);
  for (const { id, leaf } of ev) {
    const proof = await json("/v1/sites/shop/log/proof/" + id);
    assert.equal(proof.leaf, leaf, "the log has another event than the receipt promised");
    const [, size, root] = proof.checkpoint.split("\n");
    const path = proof.path.map((hash) => Buffer.from(hash, "base64url"));
    const found = (of) => rootOf(Buffer.from(of, "base64url"), proof.index, Number(size), path)?.toString("base64");
    assert.equal(found(leaf), root);
    assert.notEqual(found(ev.find((e) => e.id !== id).leaf), root);
  }
});
