<!DOCTYPE html>
<p title="it's $a->b">Not->code</p>
<?php
declare(strict_types=1);

namespace App\Model;

use App\Base\{Thing, Other as Alias};

#[Attribute(Attribute::TARGET_CLASS)] # not->code
final class Order extends Thing implements \Countable
{
    use Logs, Counts { Logs::write insteadof Counts; }

    public const MAX = self::MIN * 2;
    private static ?Order $last = null;

    public function __construct(private readonly array $lines = [], protected ?Alias $other = null)
    {
        parent::__construct($lines[0]->name . '$not->code');
        $this->other = $other ?? static::$last?->other;
        self::$last = $this;
    }

    public function total(): float
    {
        $sum = array_sum(array_map(fn ($line) => $line->price * $line?->count, $this->lines));
        $text = "Order $this->id of {$this->other->name} and ${sum}: $sum -> {$this->lines[0]->f("a->b")}";
        $name = <<<EOT
            It's "$this->name", {$this->other?->name}
            EOTX not the end
            EOT . $this->end;
        $raw = <<<'RAW'
        $not->code {$not->code}
        RAW;
        return match (true) {
            $sum instanceof Other => Other::from($sum)::class,
            $this->{'a' . $sum} => $this->$name->b,
            default => (new Thing($sum))->total() ?: Thing::$count,
        };
    }
}
// not->code ?>
<b><?= $order->total() ?></b> not->code
<?php foreach ($orders as $order): ?>
  <?php echo $order->id; /* not->code */ `ls $order->path` ?>
<?php endforeach ?>
