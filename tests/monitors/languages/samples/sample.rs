//! A cache, e.g. `cache.get()`. /* not open
use std::collections::{hash_map::Entry, HashMap};
use std::fmt::*;

/* nested /* cache.get() */ still.a.comment */
#[derive(Debug, serde::Serialize)]
pub struct Cache<'a, K: std::hash::Hash> {
    r#type: &'a str,
    entries: HashMap<K, Vec<(u32, f64)>>,
    ratio: (f32, (u8, u8)),
}

impl<'a, K: std::hash::Hash + Eq> Cache<'a, K> {
    const LIMIT: f64 = 1_000.5e3_f64;

    fn get(&'a self, key: K, c: char) -> Option<&'static str> {
        let range = 0..self.entries.len();
        let nested = self.ratio.1.0 + self.ratio . 1 . 1;
        if c == '.' || c == '\'' || c == 'a' || b'.' == 46 {
            return Some(self.r#type);
        }
        let text = r#"a.b "quoted".c"#.len() + "x.y \" ".len() + br"\".len() + "two
            lines.x".len();
        'outer: for i in self.ratio.0 as usize..=10 {
            match &self.entries[&key][i..] {
                [(first, ..), .., last] if first.max(&1) > &0 => break 'outer,
                _ => Self::LIMIT.floor(),
            };
        }
        Vec::<u8>::with_capacity(8).iter().map(|x| x.pow(2)).sum::<u8>();
        <K as Into<String>>::into(key).parse::<f64>()?.sqrt();
        let point = Point { x: 1., ..Default::default() }.x;
        println!("{}", vec![1.5].len());
        unsafe { std::mem::zeroed::<Cache<K>>() }.ratio.0;
        async { self.fetch().await.unwrap() };
        None
    }
}
