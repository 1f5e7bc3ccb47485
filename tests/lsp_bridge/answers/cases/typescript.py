"""TypeScript: what ``tsserver`` makes of operators, decorations and open types."""

LANGUAGE = "typescript"
FILE = "main.ts"
PROJECT = {"tsconfig.json": '{"compilerOptions": {"strict": true, "target": "es2022"}}'}

_TYPES = """\
interface S {
  a: number;
  b?: string;
  'foo-bar': number;
  $x: 1;
  größe: 1;
  /** @deprecated */ old: 1;
}
declare const s: S;
declare const o: S | undefined;
"""

CASES = {
    "members": _TYPES + "s.‸\n",
    "optional": _TYPES + "o.‸\n",
    "question-dot": _TYPES + "o?.‸\n",
    "exclamation": _TYPES + "o!.‸\n",
    "blank": _TYPES + "s. ‸\n",
    "next-line": _TYPES + "s\n  .‸\n",
    "emoji": _TYPES + "const x = '😀😀' + s.‸\n",
    "template": _TYPES + "const x = `😀 ${s.‸}`\n",
    "private": "class A { #p = 1; private q = 2; f() { this.‸ } }\n",
    "private-outside": "class A { #p = 1; private q = 2; r = 3 }\nnew A().‸\n",
    "promise": "declare const p: Promise<S>;\nasync function f() { p.‸ }\n",
    "function": "declare const f: ((x: number) => void) | undefined;\nconst g = f?.‸\n",
    "enum": "enum E { A, B }\nE.‸\n",
    "namespace": "namespace N { export const x = 1; export type T = 1 }\nconst y: N.‸\n",
    "meta": "const m = import.‸\n",
    "any": "declare const r: any;\nr.‸\n",
    "never": "declare const r: never;\nr.‸\n",
    "record": "declare const r: Record<string, number>;\nr.‸\n",
    "index-signature": "declare const r: { a: 1; [k: string]: number };\nr.‸\n",
    "much-declared": "declare const r: { a: 1; b: 2; c: 3; [k: string]: number };\nr.‸\n",
}
