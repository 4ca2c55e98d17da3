// Captions as files to take home, made of what is here: the server may be gone by now. How they are
// spelt is said by `captioner.downloads`, see downloads.py.
(() => {
  const rules = captioner.downloads;
  const formula = new RegExp(rules.formula, "g");
  const encoder = new TextEncoder();

  const cell = (value) => {
    const text = typeof value === "string" ? value.replace(formula, "$1'$2") : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const csv = (rows) => {
    const lines = rows.map((row) => `${rules.columns.map((name) => cell(row[name])).join(",")}\r\n`);
    return rules.mark + rules.header + lines.join("");
  };

  const jsonl = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

  // A photo has one caption there, which is that of its first row.
  const coco = (rows, photos) => {
    const lines = photos
      .filter((photo) => !photo.rows[0].error)
      .map(({ imageId, rows: [row] }) => `{"image_id": ${imageId}, "caption": ${JSON.stringify(row.caption)}}`);
    return `[\n${lines.join(",\n")}\n]\n`;
  };

  const folded = (text) => text.toUpperCase().toLowerCase();
  const stem = (path) => path.replace(/(?<=[^/.][^/]*)\.[^./]*$/, "");

  // As `captioner.captions.text_names`: dog.txt for dog.jpg, or dog.jpg.txt where that is doubtful.
  captioner.textNames = (paths) => {
    const count = {};
    for (const path of paths) count[folded(stem(path))] = (count[folded(stem(path))] ?? 0) + 1;
    const whole = new Set(paths.map(folded));
    const taken = new Set();
    return paths.map((path) => {
      const doubtful = count[folded(stem(path))] > 1 || whole.has(folded(stem(path)));
      let name = `${doubtful ? path : stem(path)}.txt`;
      for (let number = 2; taken.has(folded(name)); number += 1) name = `${path} (${number}).txt`;
      taken.add(folded(name));
      return name;
    });
  };

  const texts = (rows, photos) => {
    const captioned = photos.filter((photo) => !photo.rows[0].error);
    const names = captioner.textNames(captioned.map((photo) => photo.path));
    return zip(captioned.map(({ rows }, n) => [names[n], rows.map((row) => `${row.caption}\n`).join("")]));
  };

  const checksum = (bytes) => {
    let sum = -1;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
  };

  const record = (...fields) => {
    const view = new DataView(new ArrayBuffer(fields.reduce((size, [width]) => size + width, 0)));
    let at = 0;
    for (const [width, value] of fields) {
      if (width === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += width;
    }
    return new Uint8Array(view.buffer);
  };

  // A zip file (APPNOTE.TXT of PKWARE) whose members are stored as they are, with names in UTF-8.
  const zip = (members) => {
    const now = new Date();
    const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
    const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
    const [parts, directory] = [[], []];
    let [at, size] = [0, 0];
    for (const [path, text] of members) {
      const [name, content] = [encoder.encode(path), encoder.encode(text)];
      const common = [
        [2, 20], [2, 0x800], [2, 0], [2, time], [2, date], [4, checksum(content)],
        [4, content.length], [4, content.length], [2, name.length], [2, 0],
      ]; // prettier-ignore
      const local = record([4, 0x04034b50], ...common);
      const central = record([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]);
      parts.push(local, name, content);
      directory.push(central, name);
      at += local.length + name.length + content.length;
      size += central.length + name.length;
    }
    const count = members.length;
    const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]);
    return [...parts, ...directory, end];
  };

  const forms = { CSV: csv, JSONL: jsonl, COCO: coco, TXT: texts };

  const two = (number) => String(number).padStart(2, "0");

  // photos: each with its `rows`, the page's language first, its safe `path`, and its `imageId`, the
  // JSON by which COCO's form knows it.
  captioner.download = (form, photos) => {
    const content = forms[form](photos.flatMap((photo) => photo.rows), photos);
    const now = new Date();
    const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
    const name = `captions-${day}-${two(now.getHours())}${two(now.getMinutes())}${rules.suffixes[form]}`;
    captioner.saveFile(name, new Blob([content].flat()));
  };
})();
