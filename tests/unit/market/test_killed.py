"""An exchange whose process is killed while it trades."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from rexdynnet.market.ledger import Cause
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import order, small_market

ROOT = Path(__file__).parents[3]
CREDIT_uEUR = 10**12
TRADER = """
import sys
from pathlib import Path
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import open_market, order
exchange = open_market(MechanismKind.MAKER, Path(sys.argv[1]), 1e6, {credit})
exchange.commit()
number = 0
while True:
    number += 1
    exchange.submit(order("anna", number, lots=1))
    if number % 5 == 0:
        for reply in exchange.commit():
            assert reply.refusal is None, reply.refusal
        print(number, flush=True)
"""


def test_a_killed_exchange_keeps_every_acknowledged_order_once(tmp_path: Path):
    draw = random.Random(7)
    for at in range(3):
        journal, acknowledged = tmp_path / f"{at}.journal", tmp_path / f"{at}.txt"
        with acknowledged.open("wb") as out:
            script = TRADER.format(credit=CREDIT_uEUR)
            trader = subprocess.Popen([sys.executable, "-c", script, journal], stdout=out, cwd=ROOT)
            for _ in range(600):
                if acknowledged.stat().st_size or trader.poll() is not None:
                    break
                time.sleep(0.05)
            time.sleep(draw.uniform(0.0, 0.2))
            trader.kill()
            trader.wait()
        told = acknowledged.read_text().split("\n")[-2]
        found = Reservex(small_market(MechanismKind.MAKER, CREDIT_uEUR), journal)
        trades = list(found.trades())
        assert len(trades) >= int(told) > 0
        assert len(trades) % 5 == 0
        (lots,) = (n for n in found.position("anna", "a", 3).values() if n)
        assert lots == len(trades)
        assert found.ledger.audit() == len(trades)
        assert found.ledger.total == 0
        assert sum(trade.amount_uEUR for trade in trades) == sum(
            entry.amount_uEUR for entry in found.ledger.entries() if entry.cause is Cause.TRADE
        )
        again = found.place(order("anna", len(trades), lots=1))
        assert "taken before" in str(again.refusal)
        found.close()
