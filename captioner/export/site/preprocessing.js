// Photos as the encoder takes them, by whole numbers as captioner/onnx/preprocessing.py has them:
// antialiased bicubic resizing of bytes, first along the rows, then along the columns.

const CUBIC = -0.5; // the coefficient a of Keys' kernel
const MOST_BITS = 22; // of a weight's fraction, as long as the weight fits 16 bits

/** RGBA pixels of a photo to a Float32Array [3, size, size], as `{size, mean, std}` says. */
export function toTensor(pixels, width, height, { size, mean, std }) {
  const rows = resized(pixels, width, height, size, 4, width * 4);
  const square = resized(rows, height, size, size, size * 4, 4);
  const tensor = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel++) {
    const scale = 1 / (255 * std[channel]);
    const shift = mean[channel] / std[channel];
    const first = channel * size * size;
    for (let at = 0; at < size * size; at++) {
      tensor[first + at] = square[at * 4 + channel] * scale - shift;
    }
  }
  return tensor;
}

// One axis of `length` pixels, `step` bytes apart, resized on each of `lines`, `line` bytes apart.
function resized(pixels, length, lines, size, step, line) {
  const outLine = line === 4 ? 4 : size * 4;
  if (length === size) return pixels;
  const out = new Uint8ClampedArray(size * lines * 4);
  const { first, weights, taps, bits } = weightsOf(length, size);
  const half = 2 ** (bits - 1);
  for (let place = 0; place < size; place++) {
    const count = Math.min(taps, length - first[place]);
    for (let other = 0; other < lines; other++) {
      for (let channel = 0; channel < 3; channel++) {
        let total = half;
        let at = other * line + first[place] * step + channel;
        for (let tap = 0; tap < count; tap++, at += step) {
          total += pixels[at] * weights[place * taps + tap];
        }
        out[other * outLine + place * step + channel] = Math.floor(total / 2 ** bits);
      }
    }
  }
  return out;
}

function weightsOf(length, size) {
  const scale = length / size;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  const taps = 2 * Math.ceil(support) + 1;
  const first = new Int32Array(size);
  const exact = new Float64Array(size * taps);
  for (let place = 0; place < size; place++) {
    const centre = scale * (place + 0.5);
    first[place] = Math.max(Math.trunc(centre - support + 0.5), 0);
    const count = Math.min(Math.trunc(centre + support + 0.5), length) - first[place];
    let sum = 0;
    for (let tap = 0; tap < Math.min(count, taps); tap++) {
      sum += exact[place * taps + tap] = cubic((tap + (first[place] - centre + 0.5)) / stretch);
    }
    for (let tap = 0; tap < taps; tap++) exact[place * taps + tap] /= sum;
  }
  const largest = exact.reduce((most, weight) => Math.max(most, weight), 0);
  let bits = 0;
  while (bits < MOST_BITS && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** 15) bits++;
  const weights = Int32Array.from(exact, (w) => Math.trunc(w * 2 ** bits + (w < 0 ? -0.5 : 0.5)));
  return { first, weights, taps, bits };
}

function cubic(x) {
  x = Math.abs(x);
  if (x < 1) return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * CUBIC : 0;
}
