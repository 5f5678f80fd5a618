"""Queries inside queries, and other forms of FROM and GROUP BY: each maintained as the query over everything says."""

from __future__ import annotations

import pytest
from tests.unit.incremental.epochs import compiled, random_epochs, run

queries = [
    "select a.v from a where a.k not in (select b.k from b where b.ts = a.ts)",
    "select a.v from a where not (a.k in (select b.k from b where b.k is not null))",
    "select a.v, a.k from a where exists (select 1 from b where w = 'y')",
    "select a.v, a.k from a where a.k in (select b.k from b where b.ts > a.ts) or a.n in (select k from c)",
    "select a.v, exists (select 1 from c where c.k = a.k) e, a.n in (select k from c) f from a",
    "select a.v, a.n <> all (select k from c where c.k = a.k) e from a",
    "select a.v from a where a.n > any (select k from c)",
    "select a.v from a where a.n <= all (select k from c where c.name = 'one')",
    "select a.v from a where (a.k, a.n) not in (select k, length(name) from c)",
    "select a.v, (select sum(b.k) + count(*) from b where b.k = a.k) s from a",
    "select a.v, (select w from b order by ts, w, k limit 1) s from a",
    "select a.v from a where a.n = (select max(a.n) from a where a.k > 1)",
    "select a.v from a where exists (select 1 from b where b.k = a.k and exists (select 1 from c where c.k = b.k))",
    "select sum((select count(*) from c where c.k = a.k)) s from a",
    "select k, sum(n) s from a group by k having sum(n) > (select avg(n) from a)",
    "select k, sum(n) s, (select count(*) from b where b.k = a.k) c from a group by k",
    "select k, sum(n) s from a group by k having k not in (select k from c)",
    "select a.v, x.name, x.c from a left join lateral "
    "(select c.name, count(*) c from c where c.k = a.k group by c.name) x on true",
    "select a.v, x.s, x.c from a cross join lateral (select sum(b.k) s, count(*) c from b where b.k = a.k) x",
    "select a.v, x.name from a, (select distinct name from c where c.k = a.n) x where a.v > 1",
    "select k, n + 1 m, sum(v) s, max(k) x from a group by cube (k, n + 1) having count(*) > 1",
    "select n, k, count(*) c from a group by n, rollup((k, ts))",
    "select k, name, w from a full join c using (k) full join (select k, w from b) d using (k)",
    "select k, name, w from a left join c using (k) right join (select k, w from b) d using (k)",
    "select k from c except select 1",
    "select t.x from (values (1), (2)) t(x) where x not in (select k from a)",
    "select y.window_end, count(*) c from tumble(a, ts, interval 1 hour) x "
    "left join tumble(b, ts, interval 1 hour) y on x.window_end = y.window_end and x.k = y.k group by all",
    "select x.window_start, count(*) c, count(x.w) d from tumble((select a.ts, b.w from a left join b "
    "on a.k = b.k and a.ts between b.ts - interval 1 hour and b.ts) as j, ts, interval 30 minute) x group by all",
    "select a.k, b.w, c.name from a full join b on a.k = b.k full join c on c.k = b.k or c.k = a.k",
]


@pytest.mark.parametrize("query", queries)
def test_a_query_is_maintained(query: str) -> None:
    analysis, program = compiled(query)
    for seed in (0, 3):
        outcome = run(analysis, program, random_epochs(seed, rows=16, epochs=4))
        assert outcome.published == outcome.batch
        assert outcome.logged == outcome.batch
