// What the service signs and proves, checked by what shares no code with it: the library jose, and RFC 6962 from its text.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { SERVICE, accept, openPanel, test, visit } from "./lib.mjs";

const json = async (path) => {
  const response = await fetch(SERVICE + path);
  assert.equal(response.status, 200, path);
  return response.json();
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
  const keys = await json("/.well-known/jwks.json");
  const verified = (jws, { set = keys, ...more } = {}) =>
    jwtVerify(jws, createLocalJWKSet(set), { algorithms: ["EdDSA"], typ: "consent-receipt+jwt", audience: "shop", ...more });
  const { payload } = await verified(receipt);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [header, , signature] = receipt.split(".");
  await assert.rejects(verified([header, part({ ...payload, aud: "blog" }), signature].join("."), { audience: "blog" }), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
  await assert.rejects(verified(receipt, { set: { keys: keys.keys.map((key) => ({ ...key, kid: "other" })) } }), { code: "ERR_JWKS_NO_MATCHING_KEY" });
  await assert.rejects(verified(receipt, { audience: "blog" }), { code: "ERR_JWT_CLAIM_VALIDATION_FAILED" });

  const { ev } = payload;
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
