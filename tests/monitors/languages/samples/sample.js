#!/usr/bin/env node
"use strict";
// a.b in a comment: not.code
const path = require("path");
const { total, rate = total.rate } = require("./prices.js");

exports.version = "1.0";
exports.names = module.exports.names.slice(1);
module.exports = { total, path: path.sep, default: path.posix.sep };

/** A queue. See {@link Other.thing} */
class Queue extends path.Base {
  static #count = 0;
  #items = [];
  if = 1;

  constructor(size) {
    super(size.max);
    this.size = size;
    this.size.used = this.#items.length;
    if (size.max) this.max = size.max / 2 / this.#items.length;
    for (let i = this.size; this.max; ) this.size.used--;
    --this.size.used;
  }

  get length() {
    return this.#items.length;
  }

  find(query) {
    switch (query?.kind) {
      case query.first:
        this.found = 1;
        break;
      default:
        this.found = 2;
    }
    const match = /[/.](\w+)\.js$/g.exec(query?.name ?? "a.b");
    if (query) /x.y/.test(query.name);
    return match?.[1]?.(query) ?? `${query.name}: ${`${match.index}.x`}.y`;
  }
}

Queue.prototype.clear = function () {
  this.items = [].concat(this.items);
}.bind(Queue.prototype);
Queue.limit = 1.5.toFixed(1) + 1..toString() + 0xff.toString() + .5;

const view = (queue) => (
  <Panel.Body title="it's a.b" size={queue.size} {...queue.props} on:click={() => queue.clear()}>
    Don't read.this, or {queue.length} / {"}"}
    {queue.items.map((item) => <li key={item.id}>{item.name}</li>)}
    <>
      {/* no.code */}
      <img src="a.png" />
    </>
    {queue.a < queue.b && <br />}
  </Panel.Body>
);

for (const item of /a.b/.exec(view.name)) item.next ? item.next.a : item.b;
loop: while (i++ / 2 > total.max) { continue }
this.done = [...path.parts, ...total.parts];
const meta = { if: total.x, of: rate.of, get: () => ({ ...rate }).value };
