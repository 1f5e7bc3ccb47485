// Shapes and a registry of them; a comment that goes \
   on in the next line: shape.area()
#include <map>
#include <memory>

#define AREA(shape) (shape).area()

namespace geometry::plane {

using std::string_literals::operator""s;

template <typename T>
struct Box {
    using value_type = typename std::vector<T>::value_type;
    T *item;
    T *operator->() const { return item; }
};

class Shape {
  public:
    virtual ~Shape() = default;
    virtual auto area() const -> double = 0;
    static constexpr int count = 1'000'000;
};

double Shape::area() const { return ::fabs(width.value * 1.5f) + 0x1.8p3; }

template <class T, class U>
auto add(const T &t, const U &u) -> decltype(t.x + u.x) { return t.x + u.x; }

static const char *raw = R"end(a.b "c.d" )x" e->f)end";

int main() {
    std::map<std::string, std::unique_ptr<Shape>> shapes;
    Box<Shape> box{};
    box->area();
    auto size = "text"s.size() + u8R"(a.b)".size() + L'.' + '\'';
    for (auto &[name, shape] : shapes) { shape->area(); box.item->area(); }
    std::vector<int>::iterator it = shapes.at("a.b").get()->rows.begin();
    auto f = [&](int a, int b) -> bool { return a < b && shapes.size() > 1. ; };
    it.template get<int>();
    decltype(box)::value_type v = shapes
        .find("x")
        ->second.front();
    return Box<Shape>{}.item->area() > 1 ? (*it).x : this->x - ::errno;
}

}  // namespace geometry::plane
