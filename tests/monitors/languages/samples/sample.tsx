import React, { type FC } from "react";
import * as api from "./api";

type Handler = <T>(event: React.Event<T>) => void;
type Item<T extends api.Base = api.Item> = { [K in keyof T]?: T[K] extends api.Id ? api.A : api.B };

declare module "./api.js" {
  interface Options { on(event: api.Event): api.Result<string>; <T>(x: T): api.Other }
}

export abstract class Store<T extends api.Item> implements api.Store<T> {
  private readonly items: Map<string, T> = new Map<string, T>();
  constructor(private size: api.Size, public name?: string) { super(size.name!.first); }

  @api.memo({ size: api.size })
  get<K extends keyof T>(key: string): T[K] | undefined {
    this.size = this.items.get(key)!.size;
    this.size!.used! += 1;
    return (this.items.get(key) as api.Item as unknown as T)?.value satisfies api.Value;
  }
}

export const pick = <T,>(item: T) => api.pick<T>(item).first;
export const find = async <T extends api.Item>(item: T): Promise<api.Found<T>> => (await api.find(item)).x;
const half = (a: number) => a / api.b / 2;
const isItem = (x: unknown): x is api.Item => x instanceof api.Item && x.size < api.max && x.a > 1;

export const List: FC<{ items: api.Item[] }> = ({ items, ...rest }) => {
  const [open, setOpen] = React.useState<api.State | null>(null);
  if (!items.length) return <p className="a.b">It's all.gone</p>;
  return (
    <api.Panel<string> {...rest} icon=<Icon.Small /> title={`${items.length}.x`}>
      {items.map((item) => item.open ? <Row key={item.id} /> : <Row.Empty key={item.id}></Row.Empty>)}
      a.b &amp; c.d: {open?.name} // no.comment
    </api.Panel>
  );
};

enum Kind { A = api.a, B = "x.y".length }
