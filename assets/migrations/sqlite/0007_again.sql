-- Samples that were made anew: what they were is gone but for the attempts, and the questions are asked again.

ALTER TABLE tasks ADD COLUMN again INTEGER NOT NULL DEFAULT 0;      -- how often a person had it made anew
