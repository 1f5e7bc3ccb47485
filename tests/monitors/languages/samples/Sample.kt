package org.example.sample

import java.util.Map.Entry
import org.example.other.*
import java.io.File as Document

/* A comment /* inside a.b */ of c.d */
@file.Suppress
class Sample(private val items: kotlin.collections.List<String>) : Base.Inner() {
    val rate = 1.5e3 + .5 + 2.0f
    val String.last: Char get() = this[this.length - 1]
    val size by lazy { items.size }

    fun <T : Comparable<T>> List<T>.largest(other: Map.Entry<T, T>): T? = this.maxOrNull()

    fun Document?.total(name: String, vararg rest: Int): Int {
        // not name.length
        val text = "a.b ${name.length} $name.x ${if (name == "c.d") "${rest.size}.y" else '.'}".length
        val raw = """a.b "c.d" ${items.first().length} e.f""".trimIndent()
        for (i in 0..name.length) println(items[i]!!.length)
        val quoted = `in`.size + '\''.code + this?.name?.length!!
        items.map(String::length).filter { it.compareTo(1) > 0 }
            .sum()
        val type = Sample::class.java.name + List::class
        return when (rest.size) {
            in 0..items.size -> this@Sample.items.size
            else -> super.hashCode() + object : Runnable {
                override fun run() {}
            }.hashCode()
        }
    }
}
