// A model folder that `captioner export` has written, run by ONNX Runtime Web.

import { beamSearch } from "./beam.js";
import { toTensor } from "./preprocessing.js";
import { pieces } from "./text.js";
import { START, Trigrams } from "./trigrams.js";

const NEVER_WRITTEN = [0, 1, 3]; // padding, the start, unknown words

export class Captioner {
  /** read(path) gives the bytes of a file of the folder; ort is the runtime. */
  constructor(ort, read, config, encoder) {
    Object.assign(this, { ort, read, config, encoder });
    this.writers = new Map();
  }

  /** provider: what runs the encoder, "webgpu" or "wasm". */
  static async load(ort, read, provider) {
    const config = await json(read, "config.json");
    const encoder = await session(ort, await read("encoder.onnx"), provider);
    return new Captioner(ort, read, config, encoder);
  }

  /** Load what writes a language, if it is not there. */
  async writer(language) {
    if (!this.writers.has(language)) {
      this.writers.set(language, await Writer.load(this, language));
    }
    return this.writers.get(language);
  }

  /** Grid features of a photo's RGBA pixels. */
  async encode(pixels, width, height) {
    const { size } = this.config.preprocessing;
    const images = toTensor(pixels, width, height, this.config.preprocessing);
    const given = new this.ort.Tensor("float32", images, [1, 3, size, size]);
    const { features } = await this.encoder.run({ images: given });
    return new this.ort.Tensor("float32", await features.getData(), features.dims);
  }

  /** Sentences about a photo of known features, best first: {text, pieces, logProb, score, looked}. */
  async describe(features, language, asked = {}) {
    const writer = await this.writer(language);
    const options = writer.options({ ...this.config.options, ...asked });
    const found = [];
    for (const decoder of writer.decoders) {
      const photo = await decoder.start(features);
      for (const one of await decoder.search(photo, options)) found.push({ ...one, decoder, photo });
    }
    const isEnded = (one) => one.tokens.length < options.max_length;
    found.sort(
      (one, other) =>
        isEnded(other) - isEnded(one) || one.unlikely - other.unlikely || other.score - one.score,
    );
    const distinct = new Map();
    for (const one of found) {
      const key = one.tokens.join(" ");
      if (!distinct.has(key)) distinct.set(key, one);
    }
    const best = [...distinct.values()].slice(0, options.top);
    const captions = [];
    for (const { tokens, logProb, score, decoder, photo } of best) {
      const parts = pieces(tokens.map((token) => writer.words[token]), language);
      const looked = await decoder.looked(photo, tokens);
      captions.push({ text: parts.join(""), pieces: parts, logProb, score, looked });
    }
    return captions;
  }
}

/** What writes one language: its words and its decoders. */
class Writer {
  static async load({ ort, read, config }, language) {
    const writer = new Writer();
    const folder = language === config.language ? "" : `${language}/`;
    const own = folder ? await json(read, `${folder}config.json`) : config;
    writer.words = await json(read, `${folder}vocabulary.json`);
    writer.numbers = new Map(writer.words.map((word, number) => [word, number]));
    writer.repeatable = new Set(own.repeatable);
    writer.trigrams = own.unseen_penalty
      ? new Trigrams(await read(`${folder}trigrams.bin`), own.unseen_penalty)
      : null;
    writer.decoders = [];
    for (const { start, step, photo, state, backward } of own.decoders) {
      const graphs = [start, step].map(async (name) => session(ort, await read(folder + name)));
      const decoder = new Decoder(ort, ...(await Promise.all(graphs)), photo, state, backward);
      writer.decoders.push(decoder);
    }
    return writer;
  }

  options(asked) {
    const phrases = (asked.avoid ?? []).map((phrase) => this.phrase(phrase)).filter(Boolean);
    return {
      ...asked,
      beam: asked.beam ?? Math.max(3, asked.top),
      avoid: [...NEVER_WRITTEN, ...phrases.filter((own) => own.length === 1).flat()],
      avoid_phrases: phrases.filter((own) => own.length > 1),
      repeatable: this.repeatable,
      trigrams: this.trigrams,
    };
  }

  // Numbers of a phrase's words; nothing where one is not known, which is never written anyway.
  phrase(phrase) {
    const words = this.numbers.has(phrase) ? [phrase] : phrase.toLowerCase().split(/\s+/);
    const numbers = words.map((word) => this.numbers.get(word));
    return numbers.every((number) => number > 3) ? numbers : null;
  }
}

class Decoder {
  constructor(ort, begin, next, photo, state, backward) {
    Object.assign(this, { ort, begin, next, photo, state, backward });
  }

  /** A photo's tensors and the state of one row. */
  async start(features) {
    return this.begin.run({ features });
  }

  async search(photo, options) {
    let state = photo;
    const step = async (tokens, rows) => {
      const given = this.state.map((name) => [name, this.rows(state[name], rows)]);
      const after = await this.step(photo, tokens, Object.fromEntries(given));
      state = Object.fromEntries(this.state.map((name) => [name, after[`next_${name}`]]));
      return after.log_probs.data;
    };
    const avoid_phrases = options.avoid_phrases.map((phrase) => this.inOrder(phrase));
    const trigrams = options.trigrams?.turned(this.backward);
    const found = await beamSearch(step, { ...options, avoid_phrases, trigrams });
    return found.map((one) => ({ ...one, tokens: this.inOrder(one.tokens) }));
  }

  /** Where each word was looked for: for each token a Float32Array over the grid. */
  async looked(photo, tokens) {
    let state = photo;
    const maps = [];
    for (const token of [START, ...this.inOrder(tokens).slice(0, -1)].slice(0, tokens.length)) {
      const given = this.state.map((name) => [name, state[name]]);
      const after = await this.step(photo, [token], Object.fromEntries(given));
      state = Object.fromEntries(this.state.map((name) => [name, after[`next_${name}`]]));
      maps.push(after.attention.data);
    }
    return this.inOrder(maps);
  }

  step(photo, tokens, state) {
    const numbers = BigInt64Array.from(tokens, BigInt);
    const given = { tokens: new this.ort.Tensor("int64", numbers, [1, tokens.length]), ...state };
    for (const name of this.photo) given[name] = photo[name];
    return this.next.run(given);
  }

  rows(tensor, rows) {
    const width = tensor.dims[2];
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, at) => data.set(tensor.data.subarray(row * width, (row + 1) * width), at * width));
    return new this.ort.Tensor("float32", data, [1, rows.length, width]);
  }

  inOrder(list) {
    return this.backward ? [...list].reverse() : list;
  }
}

async function json(read, path) {
  return JSON.parse(new TextDecoder().decode(await read(path)));
}

function session(ort, bytes, provider = "wasm") {
  return ort.InferenceSession.create(bytes, { executionProviders: [provider] });
}
