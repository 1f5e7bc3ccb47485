=begin
a.b "
=end
# frozen_string_literal: true

module App::Model
  class Order < Base::Thing
    attr_reader :lines, :"odd.name"
    LIMIT = Float::INFINITY / 2.0.ceil
    MARKS = %w[a.b (c.d) [e.f]].freeze + %i(a.b)

    def self.find(id) = store&.fetch(id) { raise ::KeyError, "no #{id.inspect}.x" }

    def initialize(lines, limit: LIMIT, name: self.class.name)
      @lines = lines.map { |line| line.dup }
      @name = name =~ /\A[\w.]+\z/i ? name.strip : $1.to_s
      @parts = name.split /a.b/, limit
      @text = load(<<~FIRST.strip, <<-'SECOND', name.to_sym)
        It's #{lines.size}.x
      FIRST
        no.code #{no.code}
        SECOND
    end

    def <<(line)
      @lines << line.to_s
      lines
        .compact # not.code
        .reject(&:nil?)
        &.first
    end

    def /(other) = total / other.total / 2

    def total
      return 0 if lines.empty?
      range = 1..lines.size
      char = ?. + ?a.upcase
      sum = lines.sum { |line| line.price * line.count % line.rate }
      sum > LIMIT ? sum.round(1) : sum.to_i
      puts %Q(a.b (c.d) #{%q{e.f}.size}), "a#{"b#{sum.abs}.c"}.d", `ls #{sum.to_s}`
      yield sum.a!, sum.b? if block_given? && !sum.nil?
    end
  end
end

App::Model::Order.new([]).then do |order|
  order.(1)
  order::total
end
__END__
not.code
