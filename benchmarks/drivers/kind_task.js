/** What the model makes of files, {name, base64} each: their x and z. Node imports this, and the page is given its text. */
export default async (Bundle, readInput, ort, read, files, options) => {
  const bundle = await Bundle.open(read, ort, "the bundle", options);
  const found = [];
  for (const { name, base64 } of files) {
    const raw = readInput(
      name,
      Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
    );
    const { x } = await bundle.manifest.input.featuresOf(raw, name);
    const { z } = await bundle.extract([raw], [name]);
    found.push({ x: Array.from(x.data ?? x, Number), shape: x.shape ?? [x.length], z: [...z] });
  }
  return found;
};
