"""appeals against a result, and their corrections, which nothing changes once the season is put away

Revision: 0051
After: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
STANDING = sa.text("state <> 'void'")
TABLE = "qunclub_season_correction"
TEXT = "a closed season cannot change"


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_season_journal', sa.Column('by_key', sa.String(length=120), server_default='', nullable=False))
    op.create_table('qunclub_season_appeal',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('first', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('by_key', sa.String(length=120), nullable=False),
    sa.Column('by_name', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_appeal_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_appeal_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_appeal'))
    )
    op.create_index('uq_qunclub_season_appeal_once', 'qunclub_season_appeal', ['season_id', 'member_id'], unique=True, sqlite_where=STANDING, postgresql_where=STANDING)
    op.create_index(op.f('ix_qunclub_season_appeal_season_id_state'), 'qunclub_season_appeal', ['season_id', 'state'], unique=False)
    op.create_index(op.f('ix_qunclub_season_appeal_member_id'), 'qunclub_season_appeal', ['member_id'], unique=False)
    op.create_table(TABLE,
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('appeal_id', BIG, nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('seat_id', BIG, nullable=True),
    sa.Column('spare', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('spare_reason', sa.Text(), server_default='', nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['appeal_id'], ['qunclub_season_appeal.id'], name=op.f('fk_qunclub_season_correction_appeal_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_correction_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_correction_season_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_core_seat.id'], name=op.f('fk_qunclub_season_correction_seat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_correction')),
    sa.UniqueConstraint('appeal_id', name=op.f('uq_qunclub_season_correction_appeal_id')),
    sa.UniqueConstraint('season_id', 'member_id', name=op.f('uq_qunclub_season_correction_season_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_season_correction_member_id'), TABLE, ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_season_correction_seat_id'), TABLE, ['seat_id'], unique=False)
    # As 0033 guards the decisions.
    closed = "EXISTS (SELECT 1 FROM qunclub_season WHERE id = OLD.season_id AND state = 'closed')"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER tr_{TABLE}_closed_{verb.lower()} BEFORE {verb} ON {TABLE} FOR EACH ROW "
                f"WHEN {closed} BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION tr_{TABLE}_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {closed} THEN RAISE EXCEPTION '{TEXT}' USING ERRCODE = 'restrict_violation'; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE TRIGGER tr_{TABLE}_closed BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW "
        f"EXECUTE FUNCTION tr_{TABLE}_closed()"
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table(TABLE)
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"DROP FUNCTION IF EXISTS tr_{TABLE}_closed()")
    op.drop_table('qunclub_season_appeal')
    with op.batch_alter_table('qunclub_season_journal') as batch:
        batch.drop_column('by_key')
