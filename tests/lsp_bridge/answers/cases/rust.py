"""Rust: what rust-analyzer makes of odd names, traits, futures and unknown types."""

LANGUAGE = "rust"
FILE = "src/lib.rs"
PROJECT = {"Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'}

_TYPES = """\
pub struct Order { pub amount: i64, r#type: u8, call: fn(u8) -> u8 }
impl Order {
    pub fn new() -> Self { todo!() }
    #[deprecated]
    pub fn old(&self) {}
}
pub enum Kind { Plain, Pair(u8, u8), Named { x: u8 } }
mod page {
    pub fn open() {}
    pub mod inner {}
    fn hidden() {}
    macro_rules! made { () => {} }
    pub(crate) use made;
}
"""

CASES = {
    "value": _TYPES + "fn f(o: Order) { o.‸\n}\n",
    "call": _TYPES + "fn f() { drop(Order::new().‸\n}\n",
    "type": _TYPES + "fn f() { Order::‸\n}\n",
    "enum": _TYPES + "fn f() { Kind::‸\n}\n",
    "module": _TYPES + "fn f() { page::‸\n}\n",
    "tuple": "fn f(t: (u8, bool)) { t.‸\n}\n",
    "bound": "fn f<T: Clone>(t: T) { t.‸\n}\n",
    "future": "async fn g() {}\nasync fn f() { g().‸\n}\n",
    "emoji": _TYPES + 'fn f(o: Order) { print!("😀😀{}", o.‸\n}\n',
    "unknown": "fn f(s: NotThere) { s.‸\n}\n",
    "disabled": _TYPES + "#[cfg(windows)]\nfn f(o: Order) { o.‸\n}\n",
}
