// Memory for the arguments of a call: every array stands between borders, in a buffer of any kind, and what a call has
// changed is told apart from what it may change.

/** Any typed array. */
export type AnyArray = Exclude<NodeJS.TypedArray, Uint8ClampedArray>;
export type AnyArrayClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => AnyArray;

/** ES2024's, which this package's `lib` setting does not know yet. */
export interface Resizable extends ArrayBuffer {
  readonly resizable: boolean;
  resize(bytes: number): void;
}

export type BufferKind = 'plain' | 'shared' | 'resizable' | 'growable';

export interface GuardedMemory {
  /** An array of zeros between borders, off its buffer's start by a whole number of elements. */
  array(
    Class: AnyArrayClass & { BYTES_PER_ELEMENT: number },
    length: number,
    kind: BufferKind,
    shift: number,
  ): AnyArray;
  /** Notes what all arrays hold: what a call finds. */
  seal(): void;
  /** Leaves a buffer out of account, because something other than the library has changed or detached it. */
  disturb(buffer: ArrayBufferLike): void;
  /** Where a byte is not what it was when sealed, outside the arrays given; undefined when there is none. */
  firstChange(permitted: readonly NodeJS.TypedArray[]): string | undefined;
}

const border = 64;
const borderByte = 0xc3;

/** Asks an array itself: its own properties may say anything. */
function ask(array: NodeJS.TypedArray, name: 'buffer' | 'byteOffset' | 'byteLength' | 'length'): unknown {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)!;
  return Reflect.apply(get!, array, []);
}

/** The elements an array has, whatever it says. */
export const lengthOf = (array: NodeJS.TypedArray): number => Number(ask(array, 'length'));

interface Piece {
  readonly buffer: ArrayBufferLike;
  sealed: Buffer;
  disturbed: boolean;
}

export function guardedMemory(): GuardedMemory {
  const pieces: Piece[] = [];
  return {
    array(Class, length, kind, shift) {
      const start = border + shift * Class.BYTES_PER_ELEMENT;
      const bytes = length * Class.BYTES_PER_ELEMENT;
      const buffer = bufferOf(kind, start + bytes + border);
      Buffer.from(buffer as ArrayBuffer).fill(borderByte);
      const array = new Class(buffer, start, length);
      Buffer.from(buffer as ArrayBuffer, start, bytes).fill(0);
      pieces.push({ buffer, sealed: Buffer.alloc(0), disturbed: false });
      return array;
    },
    seal() {
      for (const piece of pieces)
        if (!piece.disturbed) piece.sealed = Buffer.from(Buffer.from(piece.buffer as ArrayBuffer));
    },
    disturb(buffer) {
      for (const piece of pieces) if (piece.buffer === buffer) piece.disturbed = true;
    },
    firstChange(permitted) {
      for (const { buffer, sealed, disturbed } of pieces) {
        if (disturbed) continue;
        const now = Buffer.from(buffer as ArrayBuffer);
        if (now.equals(sealed)) continue;
        const places = permitted
          .filter((view) => ask(view, 'buffer') === buffer)
          .map((view) => [Number(ask(view, 'byteOffset')), Number(ask(view, 'byteLength'))]);
        for (let at = 0; at < sealed.length; at++) {
          if (now[at] === sealed[at]) continue;
          if (places.some(([offset, length]) => at >= offset && at < offset + length)) continue;
          return `byte ${at} of ${sealed.length} went from ${sealed[at]} to ${now[at]}`;
        }
      }
      return undefined;
    },
  };
}

function bufferOf(kind: BufferKind, bytes: number): ArrayBufferLike {
  const room = { maxByteLength: bytes * 2 };
  switch (kind) {
    case 'plain':
      return new ArrayBuffer(bytes);
    case 'shared':
      return new SharedArrayBuffer(bytes);
    case 'resizable':
      return Reflect.construct(ArrayBuffer, [bytes, room]) as ArrayBuffer;
    case 'growable':
      return Reflect.construct(SharedArrayBuffer, [bytes, room]) as SharedArrayBuffer;
  }
}
