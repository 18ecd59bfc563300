// Packs compiled kernels into the one file that a build embeds; cuda/driver/image.h says how it is laid out.
const headerBytes = 32;
const moduleBytes = 64;
const kernelBytes = 64;
const aligned = (offset) => Math.ceil(offset / 16) * 16;

function writeName(container, name, offset, length) {
  if (Buffer.byteLength(name) >= length) throw new Error(`the name ${name} is too long for the container`);
  container.write(name, offset);
}

/**
 * The container, as a Buffer.
 *
 * @param modules `{ name, form: 'ptx' | 'cubin', architecture, bytes }` each; bytes of PTX are its text
 * @param kernels `{ name, argumentBytes }` each
 */
export function packContainer({ driverVersion, modules, kernels }) {
  let end = headerBytes + modules.length * moduleBytes + kernels.length * kernelBytes;
  const placed = modules.map(({ name, form, architecture, bytes }) => {
    const code = form === 'ptx' ? Buffer.concat([Buffer.from(bytes), Buffer.alloc(1)]) : bytes;
    const offset = aligned(end);
    end = offset + code.length;
    return { name, form, architecture, code, offset };
  });
  const container = Buffer.alloc(end);
  container.write('TSVCUDA1');
  container.writeUInt32LE(driverVersion, 8);
  container.writeUInt32LE(modules.length, 12);
  container.writeUInt32LE(kernels.length, 16);
  container.writeBigUInt64LE(BigInt(end), 24);
  let at = headerBytes;
  for (const { name, form, architecture, code, offset } of placed) {
    writeName(container, name, at, 40);
    container.writeUInt32LE(form === 'ptx' ? 0 : 1, at + 40);
    container.writeUInt32LE(architecture, at + 44);
    container.writeBigUInt64LE(BigInt(offset), at + 48);
    container.writeBigUInt64LE(BigInt(code.length), at + 56);
    code.copy(container, offset);
    at += moduleBytes;
  }
  for (const { name, argumentBytes } of kernels) {
    writeName(container, name, at, 56);
    container.writeUInt32LE(argumentBytes, at + 56);
    at += kernelBytes;
  }
  return container;
}
