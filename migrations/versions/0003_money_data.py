"""What the new columns and tables say of the rows that were there

Revision: 0003
After: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    # Every pass has a first term, with the source that paid for it.
    op.execute(
        "INSERT INTO qunclub_pass_term (pass_id, source, starts_at, ends_at, revoked_at) "
        "SELECT id, source, starts_at, ends_at, CASE WHEN state = 'revoked' THEN ended_at END FROM qunclub_pass"
    )
    op.execute(
        "UPDATE qunclub_order SET "
        "plan_id = (SELECT min(l.plan_id) FROM qunclub_order_line l WHERE l.order_id = qunclub_order.id), "
        "refunded = coalesce((SELECT sum(p.refunded) FROM qunclub_payment p "
        "WHERE p.order_id = qunclub_order.id), 0), "
        "method = coalesce((SELECT max(p.method) FROM qunclub_payment p "
        "WHERE p.order_id = qunclub_order.id), ''), "
        "pay_by = CASE WHEN EXISTS (SELECT 1 FROM qunclub_payment p WHERE p.order_id = qunclub_order.id "
        "AND p.provider = 'offline') THEN 'transfer' ELSE 'gateway' END"
    )
    # Receipt numbers in the order in which the orders were paid.
    op.execute(
        "UPDATE qunclub_order SET receipt_no = paid.n FROM (SELECT id, row_number() OVER (ORDER BY paid_at, id) AS n "
        "FROM qunclub_order WHERE paid_at IS NOT NULL AND total > 0) AS paid WHERE paid.id = qunclub_order.id"
    )
    op.execute(
        "INSERT INTO qunclub_counter (name, value) "
        "SELECT 'receipt_number', max(receipt_no) FROM qunclub_order HAVING max(receipt_no) IS NOT NULL"
    )


def downgrade() -> None:
    """Take back: nothing is lost, the columns themselves go with the migration before."""
    op.execute("DELETE FROM qunclub_pass_term")
    op.execute("DELETE FROM qunclub_counter WHERE name = 'receipt_number'")
