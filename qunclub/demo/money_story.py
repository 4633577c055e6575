"""What the demo club's desk has to do with: transfers, coupons, gifts, upgrades, refunds, papers."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.kernel.ports import FileStore
from qunclub.orders import (
    services_claims,
    services_coupons,
    services_fapiao,
    services_proofs,
    services_refunds,
    transfer_settings,
)
from qunclub.orders.models import Order, Payment
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_claims import Recipient
from qunclub.orders.rules_selling import Details, Purchase
from qunclub.orders.services_coupons import CouponDraft

from .story import Story

if TYPE_CHECKING:
    from .build import Cast

ACCOUNT = "户名：翻页社（示例）\n开户行：示例银行杭州文三路支行\n账号：6222 0000 0000 0000 000"
INSTRUCTIONS = {
    "zh": "转账时请在备注里写上**订单号**。转完把截图传上来，工作日两小时内确认，周末当天确认。",
    "en": "Write the **order code** into the transfer's note. Then send a screenshot; we confirm within a day.",
}
COMPANY, TAX_NO = "长沙岳麓声动文化有限公司", "91430100MA4L16KQ5N"


def money_settings(session: Session, files: FileStore, cast: Cast) -> None:
    """How transfers are taken, what stands on receipts, and two coupons."""
    opened = cast.ago(430)
    transfer_settings.save(
        session,
        on=True,
        text=INSTRUCTIONS,
        account=ACCOUNT,
        days=3,
        currencies=("CNY",),
        now=opened,
        actor=cast.admin,
    )
    services_fapiao.save(
        session,
        issuer="翻页社",
        address="杭州市西湖区文三路 90 号（示例地址）",
        contact="hello@example.com",
        tax_id="",
        footer="谢谢你同行。收据可用于报销，需要发票请在订单页申请。",
        fapiao=True,
        now=opened,
        actor=cast.admin,
    )
    services_coupons.create(
        session,
        draft=CouponDraft(code="FANYE10", kind="percent", percent=10, title="老朋友介绍，九折", per_member=1),
        actor=cast.admin,
        now=opened,
    )
    services_coupons.create(
        session,
        draft=CouponDraft(
            code="TEACHER30",
            kind="fixed",
            amount=3000,
            currency="CNY",
            title="教师节，减 30 元",
            max_uses=20,
            plan_ids=(cast.plans["member"],),
        ),
        actor=cast.admin,
        now=opened,
    )


def add_money(story: Story, cast: Cast, files: FileStore) -> None:
    """Add what people bought beside their first pass, and what became of it."""
    desk = Till(cast, files)
    story.add(cast.ago(120, 3), desk.upgrade_by_transfer)
    story.add(cast.ago(64, 2), desk.company_buys_gifts)
    story.add(cast.ago(63, 1), desk.company_asks_for_fapiao)
    story.add(cast.ago(33, -2), desk.claims("lian@example.com"))
    story.add(cast.ago(29, 4), desk.claims("shiqi@example.com"))
    story.add(cast.ago(20, 5), desk.part_goes_back)
    story.add(cast.ago(6, 2), desk.nobody_paid)
    story.add(cast.ago(2, 4), desk.paid_twice)
    story.add(cast.ago(0.9, 0), desk.waits_for_a_transfer)
    story.add(cast.ago(0.2, 0), desk.sent_a_proof)


class Till:
    """The happenings, in the order in which they are added."""

    def __init__(self, cast: Cast, files: FileStore) -> None:
        self._cast, self._files = cast, files

    def upgrade_by_transfer(self, session: Session, now: dt.datetime) -> None:
        """An ordinary member pays the difference, with a coupon."""
        order = self._place(session, "handongqing", "diehard", now, coupon_codes=("FANYE10",))
        self._arrives(session, order, "微信 1000 2231", "wechat_pay", now)

    def company_buys_gifts(self, session: Session, now: dt.datetime) -> None:
        """Five passes to give away; two are sent to somebody by name."""
        recipients = (
            Recipient("黎安", "lian@example.com", "欢迎一起翻页。"),
            Recipient("史棋", "shiqi@example.com", "棋子，这门课送你。"),
        )
        order = self._place(
            session, "luoqiwen", "member", now, quantity=5, gift=True, recipients=recipients,
            details=Details(name="罗启文", phone="13800000000"),
        )  # fmt: skip
        self._arrives(session, order, "对公 20261", "bank", now)

    def company_asks_for_fapiao(self, session: Session, now: dt.datetime) -> None:
        """The company needs its paper."""
        order = self._last(session, "luoqiwen")
        services_fapiao.ask(
            session,
            order_code=order.code,
            kind="company",
            title=COMPANY,
            tax_no=TAX_NO,
            email="luoqiwen@example.com",
            on=True,
            now=now,
            actor=self._person("luoqiwen"),
        )

    def claims(self, email: str) -> Claim:
        """Somebody claims the code that was sent to them."""
        return Claim(self._cast, email)

    def part_goes_back(self, session: Session, now: dt.datetime) -> None:
        """A meeting was called off: a part of the price goes back, the pass stays."""
        payment = session.scalars(
            select(Payment)
            .join(Order, Order.id == Payment.order_id)
            .where(Order.member_id == self._member("zhangyu"))
            .order_by(Payment.id)
            .limit(1)
        ).one()
        services_refunds.refund(
            session,
            payment_id=payment.id,
            amount=3000,
            reason="温州同城聚会取消，退还场地分摊。",
            key="demo:meeting",
            actor=self._cast.admin,
            now=now,
        )

    def nobody_paid(self, session: Session, now: dt.datetime) -> None:
        """An order that ran out."""
        order = self._place(session, "tangyuanyuan", "diehard", now)
        orders.expire_order(
            session, order_code=order.code, now=now + dt.timedelta(days=3), actor=Actor.system("sweeper")
        )

    def paid_twice(self, session: Session, now: dt.datetime) -> None:
        """The money came once by bank and once by phone: an admin has to decide."""
        order = self._place(session, "houmingyuan", "diehard", now)
        self._arrives(session, order, "对公 20417", "bank", now)
        self._arrives(session, order, "支付宝 7714", "alipay", now + dt.timedelta(hours=5))

    def waits_for_a_transfer(self, session: Session, now: dt.datetime) -> None:
        """Ordered, not yet paid."""
        self._place(session, "tiantian", "diehard", now)

    def sent_a_proof(self, session: Session, now: dt.datetime) -> None:
        """Ordered, and the screenshot of the transfer is here."""
        order = self._place(session, "kangle", "diehard", now)
        checked = services_proofs.check_file(_screenshot(order.code, order.total))
        with services_proofs.stored(self._files, checked) as file:
            services_proofs.submit(
                session,
                order_code=order.code,
                file=file,
                note="刚用招行转的，辛苦核对。",
                now=now,
                actor=self._person("kangle"),
            )

    def _place(
        self,
        session: Session,
        who: str,
        plan: str,
        now: dt.datetime,
        *,
        quantity: int = 1,
        gift: bool = False,
        recipients: tuple[Recipient, ...] = (),
        coupon_codes: tuple[str, ...] = (),
        details: Details | None = None,
    ) -> Order:
        actor = self._person(who)
        return orders.place(
            session,
            member_id=self._member(who),
            purchase=Purchase(
                plan_id=self._cast.plans[plan],
                quantity=quantity,
                gift=gift,
                recipients=recipients,
                coupon_codes=coupon_codes,
                details=details or Details(),
                pay_by="transfer",
            ),
            email=actor.email,
            locale="zh",
            now=now,
            actor=actor,
            hold_minutes=3 * 24 * 60,
        )

    def _arrives(self, session: Session, order: Order, ref: str, method: str, now: dt.datetime) -> None:
        orders.record_transfer(
            session,
            order_code=order.code,
            ref=ref,
            method=method,
            amount=order.total,
            now=now,
            actor=self._cast.admin,
        )

    def _last(self, session: Session, who: str) -> Order:
        query = select(Order).where(Order.member_id == self._member(who)).order_by(Order.id.desc()).limit(1)
        return session.scalars(query).one()

    def _person(self, who: str) -> Actor:
        return self._cast.people[f"{who}@example.com"]

    def _member(self, who: str) -> int:
        ident = self._person(who).member_id
        assert ident is not None  # identify made the row
        return ident


class Claim:
    """Somebody claims the code with their name on it and enters the group."""

    def __init__(self, cast: Cast, email: str) -> None:
        self._cast, self._email = cast, email

    def __call__(self, session: Session, now: dt.datetime) -> None:
        """Claim it."""
        from .build import accept_covenants

        actor = self._cast.people[self._email]
        assert actor.member_id is not None  # identify made the row
        code = session.scalars(select(ClaimCode.code).where(ClaimCode.recipient_email == self._email)).one()
        services_claims.redeem(session, code=code, member_id=actor.member_id, now=now, actor=actor)
        accept_covenants(session, self._cast, actor.member_id, now)


def _screenshot(code: str, total: int) -> bytes:
    """A picture such as a bank's app shows."""
    image = Image.new("RGB", (540, 760), "#f4f6f8")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((30, 40, 510, 720), 24, fill="#ffffff")
    draw.ellipse((235, 90, 305, 160), fill="#1b5e4b")
    draw.line((252, 126, 266, 142, 290, 110), fill="#ffffff", width=7)
    for place, (left, right) in enumerate(
        (("Transfer", "sent"), ("Amount", f"CNY {total / 100:.2f}"), ("To", "6222 **** 000"), ("Note", code))
    ):
        top = 230 + place * 90
        draw.text((70, top), left, fill="#6b7280", font_size=26)
        draw.text((470, top), right, fill="#111827", font_size=28, anchor="ra")
        draw.line((70, top + 62, 470, top + 62), fill="#e5e7eb", width=2)
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()
