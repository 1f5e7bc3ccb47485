package org.example.sample;

import static java.util.Map.entry;
import java.util.function.*;
import java.util.List;

/** Prices. Call {@link Sample#total} or sample.total(). */
@Deprecated(since = "1.5")
public class Sample<T extends java.util.List<String>> extends Base.Inner {
    private static final double RATE = 1.5e3 + .5 + 1. + 0x1.8p3 + 2.f;
    private final java.util.Map<String, List<T>> items$ = new java.util.HashMap<>();
    char dot = '.', quote = '\'';

    @SuppressWarnings(Sample.NAMES)
    int total(Object... rest) throws java.io.IOException {
        // not this.total
        this.items$.values().stream().map(List::size).toArray(int[]::new);
        String text = """
            a.b "quoted" c.d \""" e.f
            """.strip() + "x.y\"z.w".length();
        Supplier<List<String>> make = java.util.ArrayList<String>::new;
        Runnable run = () -> System.out.println(text.length());
        return switch (rest.length) {
            case 0 -> super.total();
            case 1 -> Sample.super.total() + new int[] {1, 2}.length;
            default -> new Sample<T>() { int total() { return 1; } }.total() + Sample.<String>of().size();
        } + Sample.class.getName().length() + (rest[0]).hashCode() + this.items$
            .size();
    }
}
