"""The pay page's words in its two languages. The page is not the club's, so they are not in the club's catalogues."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from . import objects

TEXTS = {
    "en": {
        "lang": "en",
        "test": "Test payment",
        "test_note": "This is a pay sandbox. No money moves and no real card works here.",
        "order": "Order",
        "email": "E-mail",
        "total": "Total",
        "choose": "How do you want to pay?",
        "wallets": "One tap with a wallet",
        "or_card": "or by card",
        "alipay": "Pay with Alipay",
        "wechat_pay": "Pay with WeChat Pay",
        "card": "Card",
        "number": "Card number",
        "number_hint": "4242 4242 4242 4242 pays\n4000 0000 0000 0002 is declined",
        "expiry": "Expiry (MM / YY)",
        "cvc": "Security code",
        "pay": "Pay",
        "subscribe": "Subscribe and pay",
        "month": "%s per month until cancelled",
        "year": "%s per year until cancelled",
        "months": "%s every {count} months until cancelled",
        "years": "%s every {count} years until cancelled",
        "first": "%s today, then %s",
        "invoice": "Invoice",
        "invoice_paid": "This test invoice is paid. Your membership goes on.",
        "confirm": "Confirm, nothing to pay",
        "try": "Try what goes wrong",
        "decline": "Let the bank decline",
        "back": "Back to the shop",
        "continue": "Continue to the shop",
        "paid_title": "Paid",
        "paid_note": "This test payment is complete. You can go back to the shop.",
        "expired_title": "This payment page has expired",
        "expired_note": "Nothing was charged. Go back to the shop and order again.",
        "missing_title": "No such payment",
        "missing_note": "This address does not belong to a payment. Please open it again from the shop.",
        "generic_decline": "The bank declined this payment. Nothing was charged; try another way to pay.",
        "insufficient_funds": "The card has insufficient funds. Nothing was charged; try another way to pay.",
        "dashboard": "Sandbox dashboard",
        "dashboard_note": "What would happen in the gateway's own dashboard, for trying things out on this machine.",
        "memberships": "Memberships",
        "payments": "Payments",
        "disputes": "Disputes",
        "none": "Nothing here yet.",
        "renew": "Renew now",
        "renew_failed": "Fail a renewal",
        "pay_invoice": "Pay the invoice",
        "end": "End",
        "refund": "Refund",
        "given_back": "given back",
        "dispute": "Dispute",
        "ask": "Bank asks",
        "won": "Won",
        "lost": "Lost",
        "bad_number": "Check the card number: it has 12 to 19 digits and one of them is mistyped.",
        "bad_expiry": "Write the expiry as month and year, such as 12 / 34, in the future.",
        "bad_cvc": "The security code has 3 or 4 digits.",
        "bad_method": "Choose one of the ways to pay below.",
    },
    "zh": {
        "lang": "zh-CN",
        "test": "测试支付",
        "test_note": "这里是支付沙箱，不会发生真实扣款，真实银行卡在此无效。",
        "order": "订单",
        "email": "邮箱",
        "total": "应付",
        "choose": "选择支付方式",
        "wallets": "钱包一键支付",
        "or_card": "或使用银行卡",
        "alipay": "支付宝支付",
        "wechat_pay": "微信支付",
        "card": "银行卡",
        "number": "卡号",
        "number_hint": "4242 4242 4242 4242 支付成功\n4000 0000 0000 0002 会被拒付",
        "expiry": "有效期（月 / 年）",
        "cvc": "安全码",
        "pay": "支付",
        "subscribe": "订阅并支付",
        "month": "每月 %s，直到取消",
        "year": "每年 %s，直到取消",
        "months": "每 {count} 个月 %s，直到取消",
        "years": "每 {count} 年 %s，直到取消",
        "first": "今天支付 %s，之后%s",
        "invoice": "账单",
        "invoice_paid": "这张测试账单已支付，会员资格继续有效。",
        "confirm": "无需付款，直接确认",
        "try": "试试出错的情形",
        "decline": "让银行拒付",
        "back": "返回商家",
        "continue": "回到商家继续",
        "paid_title": "支付成功",
        "paid_note": "这笔测试支付已完成，可以返回商家了。",
        "expired_title": "支付页面已过期",
        "expired_note": "没有产生任何扣款。请返回商家重新下单。",
        "missing_title": "没有这笔支付",
        "missing_note": "这个地址没有对应的支付，请从商家页面重新打开。",
        "generic_decline": "银行拒绝了这笔支付，没有扣款。请换一种方式。",
        "insufficient_funds": "卡内余额不足，没有扣款。请换一种方式。",
        "dashboard": "沙箱控制台",
        "dashboard_note": "在本机上试试支付平台后台里会发生的事。",
        "memberships": "会员订阅",
        "payments": "付款",
        "disputes": "拒付争议",
        "none": "这里还没有内容。",
        "renew": "立即续费",
        "renew_failed": "续费失败",
        "pay_invoice": "支付账单",
        "end": "终止",
        "refund": "退款",
        "given_back": "已退",
        "dispute": "发起拒付",
        "ask": "银行查询",
        "won": "胜诉",
        "lost": "败诉",
        "bad_number": "请检查卡号：应为 12 至 19 位数字，可能有一位输错了。",
        "bad_expiry": "请按“月 / 年”填写未过期的有效期，例如 12 / 34。",
        "bad_cvc": "安全码为 3 或 4 位数字。",
        "bad_method": "请从下面选择一种支付方式。",
    },
}


def language(locale: str | None, accepted: str | None) -> str:
    """The page's language: the session's, or for ``auto`` what the browser prefers."""
    wanted = locale if locale and locale != "auto" else accepted or "en"
    return "zh" if wanted.lower().startswith("zh") else "en"


def amount(value: int, currency: str, lang: str) -> str:
    """Stripe's integer *value* as money for people."""
    code = currency.upper()
    digits = objects.digits(code)
    major = Decimal(value).scaleb(-digits)
    shown = get_currency_precision(code)
    exact = digits > shown and major == round(major, shown)
    return format_currency(
        major, code, locale="zh_Hans_CN" if lang == "zh" else "en", currency_digits=exact or digits <= shown
    )


def recurring(full: int, first: int, currency: str, price: objects.Object, lang: str) -> str:
    """How often *price* is charged, and (*first*) what is due at once when that is less; empty for a single payment."""
    again = price.get("recurring")
    if again is None:
        return ""
    words, count = TEXTS[lang], again.get("interval_count", 1)
    name = again["interval"] + ("s" if count > 1 else "")
    later = words[name].format(count=count) % amount(full, currency, lang)
    return later if first == full else words["first"] % (amount(first, currency, lang), later)
