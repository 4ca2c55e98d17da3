// The model at work, beside the page, which stays quick to answer.

import { Captioner } from "./captioner.js";

let files; // of the site: for each its size on the way, and whether it is compressed
let captioner;
let features;
let received = 0;

/** The bytes of a file, as they were before `captioner export` compressed them. */
async function read(path) {
  const { packed } = files[path];
  const answer = await fetch(packed ? `${path}.gz` : path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const count = new TransformStream({
    transform(part, control) {
      received += part.length;
      postMessage({ kind: "progress", received });
      control.enqueue(part);
    },
  });
  const bytes = new Uint8Array(await new Response(answer.body.pipeThrough(count)).arrayBuffer());
  const isPacked = packed && bytes[0] === 0x1f && bytes[1] === 0x8b; // some hosts unpack it already
  if (!isPacked) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

const readModel = (path) => read(`model/${path}`);

async function runtime(name, wasm) {
  const ort = await import(`./runtime/${name}`);
  ort.env.wasm.numThreads = 1; // more would ask for headers that few static hosts send
  ort.env.wasm.wasmPaths = { mjs: new URL(`runtime/${wasm}.mjs`, import.meta.url).href };
  ort.env.wasm.wasmBinary = await read(`runtime/${wasm}.wasm`);
  ort.env.logLevel = "error";
  return ort;
}

async function hasWebGpu() {
  return Boolean(files["runtime/ort.webgpu.min.mjs"] && (await navigator.gpu?.requestAdapter()));
}

async function load(language) {
  files = await (await fetch("files.json")).json();
  const needed = (own) => (own.startsWith("model/") ? isOf(own, language) : own.endsWith(".wasm"));
  const onGpu = await hasWebGpu().catch(() => false);
  const wasm = `ort-wasm-simd-threaded${onGpu ? ".asyncify" : ""}`;
  const total = Object.entries(files)
    .filter(([name]) => needed(name) && (!name.endsWith(".wasm") || name === `runtime/${wasm}.wasm`))
    .reduce((sum, [, { bytes }]) => sum + bytes, 0);
  postMessage({ kind: "total", total });
  const ort = await runtime(onGpu ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs", wasm);
  captioner = await Captioner.load(ort, readModel, onGpu ? "webgpu" : "wasm").catch((error) => {
    if (!onGpu) throw error;
    return Captioner.load(ort, readModel, "wasm");
  });
  await captioner.writer(language);
  const { config } = captioner;
  postMessage({ kind: "loaded", name: config.name, grid: config.grid, onGpu });
}

function isOf(name, language) {
  const folder = name.split("/").slice(1, -1)[0];
  return folder === undefined || folder === language;
}

const answers = {
  load: ({ language }) => load(language),
  async caption({ pixels, width, height, language, options }) {
    const started = performance.now();
    if (pixels) features = await captioner.encode(pixels, width, height);
    const captions = await captioner.describe(features, language, options);
    postMessage({ kind: "captions", captions, milliseconds: performance.now() - started });
  },
};

let last = Promise.resolve();
addEventListener("message", ({ data }) => {
  last = last
    .then(() => answers[data.kind](data))
    .catch((error) => postMessage({ kind: "failed", reason: String(error), of: data.kind }));
});
