"""Orders and the money for them.

Promise 3: a paid order yields each of its passes exactly once, whatever the gateway says twice, late or out of order.
Promise 5: refunds never exceed the payment they name, and a full refund ends exactly the access that payment bought.
"""

from .models import GatewayEvent, Order, OrderEvent, OrderLine, Payment, Refund
from .models_selling import ClaimCode, Coupon, CouponUse, Subscription
from .rules_referral import Terms as ReferralTerms
from .rules_selling import Details, Purchase
from .services import attach_checkout, cancel, expire_order, place
from .services_attention import add_note, fulfil_attention
from .services_coupons import CouponDraft
from .services_coupons import create as create_coupon
from .services_forget import end_memberships, forget_papers, renewing, unsettled
from .services_inbox import handle_notification
from .services_payments import Outcome, record_payment, settle_checkout
from .services_quote import Quote, quote
from .services_referral import forget_code, is_on
from .services_referral import load as referral_terms
from .services_referral import save as set_referral_terms
from .services_refunds import give_back, refund
from .services_transfers import buy_offline, record_transfer, take_free

__all__ = [
    "ClaimCode",
    "Coupon",
    "CouponDraft",
    "CouponUse",
    "Details",
    "GatewayEvent",
    "Order",
    "OrderEvent",
    "OrderLine",
    "Outcome",
    "Payment",
    "Purchase",
    "Quote",
    "ReferralTerms",
    "Refund",
    "Subscription",
    "add_note",
    "attach_checkout",
    "buy_offline",
    "cancel",
    "create_coupon",
    "end_memberships",
    "expire_order",
    "forget_code",
    "forget_papers",
    "fulfil_attention",
    "give_back",
    "handle_notification",
    "is_on",
    "place",
    "quote",
    "record_payment",
    "record_transfer",
    "referral_terms",
    "refund",
    "renewing",
    "set_referral_terms",
    "settle_checkout",
    "take_free",
    "unsettled",
]
