#region Don't stop at "a.b
using System.Collections.Generic;
using static System.Math;
using Json = System.Text.Json.JsonSerializer;
#endregion

namespace Example.Prices
{
    /// <summary>See Price.Total.</summary>
    [System.Obsolete("use a.b")]
    public class Price<T> : Base.Item where T : System.IComparable<T>
    {
        private readonly Dictionary<string, System.Func<T>> items = new();
        private const double Rate = 1.5e3 + .5 + 2.5f;

        public int Total(string name, T? other, int @class)
        {
            using var stream = System.IO.File.OpenRead(name);
            using (var reader = new System.IO.StreamReader(stream)) { reader.ReadToEnd(); }
            var path = @"c:\a.b\""c.d""".Length + "x.y\"z.w".Length + '.' + '\'';
            var text = $"{name.Length:N2.x} a.b {{c.d}} {(name == null ? "x.y" : name.Trim())}".Length;
            var verbatim = $@"{name.Length} a.b ""c.d"" {{".Length;
            var raw = """a.b "c.d" """.Length + name!.Length + other?.GetHashCode();
            var slice = name[1..name.Length][..^1];
            items?["a.b"]?.Invoke().ToString();
            System.Func<int, int> square = x => x.CompareTo(1) > 0 ? .5 > x ? 1 : 2 : 3;
            global::System.Console.WriteLine(@class.ToString() + typeof(T).Name);
            return EqualityComparer<T>.Default.GetHashCode(other) + new[] { 1 }.Length + this
                .items.Count;
        }
    }
}
