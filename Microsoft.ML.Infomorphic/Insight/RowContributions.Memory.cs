using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Insight;

/// <content>What a thread remembers of the rows that it looks at.</content>
internal sealed partial class RowContributions
{
    /// <summary>One thread's memory.</summary>
    private sealed class Workspace(RowContributions of)
    {
        private readonly int _logits = of._networks.Length * of.ClassCount;

        // By the number of lanes of their rows, of 16 lanes each; first that of a row alone.
        private readonly Block?[] _blocks = new Block?[1 + LanesOfRows / LaneWeights.Lanes];

        public ClassLogOdds Odds { get; } = new(of._networks.Length, of.ClassCount);

        public float[] Encoded { get; } = new float[of._base.Length];

        public float[] Sizes { get; } = new float[of.FeatureCount];

        public double[] From { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] To { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] At { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] Factors { get; private set; } = [];

        public double[] Differences { get; private set; } = [];

        /// <summary>Room for so many rows and classes.</summary>
        public Block For(int rows, int classes)
        {
            int lanes = rows == 1 ? 1 : LaneWeights.Padded(rows);
            ref Block? block = ref _blocks[lanes / LaneWeights.Lanes];
            if (block?.Asked != classes)
                block = new Block(of, lanes, classes);
            if (Differences.Length != classes)
            {
                Differences = new double[classes];
                Factors = new double[classes * _logits];
            }

            block.Rows = rows;
            return block;
        }
    }

    /// <summary>The numbers of rows that are looked at together.</summary>
    private sealed class Block
    {
        /// <summary>So many lanes of slopes are looked at together: they stay in the second-level cache.</summary>
        public const int SharedLanes = 4 * LaneWeights.Lanes;

        public Block(RowContributions of, int rows, int asked)
        {
            Asked = asked;

            // What is of one row alone lies side by side.
            RowLanes = rows == 1 ? 1 : LaneWeights.Padded(rows);
            BackLanes = asked == 1 ? RowLanes : LaneWeights.Padded(rows * asked);
            Deltas = new float[of._base.Length * RowLanes];
            Shares = new float[of._base.Length * (BackLanes == 1 ? 1 : SharedLanes)];
            Classes = new int[asked * rows];
            States =
            [
                .. of._networks.Select(network =>
                    Enumerable.Range(0, of._pieces + 1).Select(_ => new LaneState(network, RowLanes)).ToArray()
                ),
            ];
            Differences = PerSource(RowLanes);
            Totals = PerSource(BackLanes);
            Adjoints = [.. of._networks.Select(network => new Adjoint(network, BackLanes, RowLanes))];

            float[][][] PerSource(int lanes) =>
                [
                    .. of._networks.Select(network =>
                        network.Features.Select(source => new float[source.SampleCount * lanes]).ToArray()
                    ),
                ];
        }

        /// <summary>Number of rows; those beyond are of no account.</summary>
        public int Rows { get; set; }

        public int Asked { get; }

        /// <summary>Lanes of numbers of rows.</summary>
        public int RowLanes { get; }

        /// <summary>Lanes of numbers of (class, row).</summary>
        public int BackLanes { get; }

        /// <summary>x − x₀, numbers × rows.</summary>
        public float[] Deltas { get; }

        /// <summary>Slopes of L, numbers × some of (classes × rows).</summary>
        public float[] Shares { get; }

        /// <summary>The classes that are asked for, classes × rows.</summary>
        public int[] Classes { get; }

        /// <summary>Each network at the ends of the pieces.</summary>
        public LaneState[][] States { get; }

        /// <summary>W (x − x₀) of each network and source.</summary>
        public float[][][] Differences { get; }

        /// <summary>How L changes by what each source of each network aggregates of the features, over all pieces.</summary>
        public float[][][] Totals { get; }

        public Adjoint[] Adjoints { get; }

        public void Clear()
        {
            foreach (float[] totals in Totals.SelectMany(network => network))
                totals.AsSpan().Clear();
        }
    }

    /// <summary>What comes back from L: how it changes by sums and outputs. Lanes are (class, row).</summary>
    private sealed class Adjoint
    {
        public Adjoint(LaneNetwork network, int lanes, int rowLanes)
        {
            int visits = network.Visits.Count;
            Sums = new float[visits][][];
            Fired = new float[visits][];
            Passed = new float[visits][];
            Factors = new float[visits][][];
            for (int i = 0; i < visits; i++)
            {
                LaneVisit visit = network.Visits[i];
                bool isLast = i == visits - 1;
                Sums[i] =
                [
                    .. visit.Sources.Select(
                        (source, place) =>
                            source.IsConstant ? null
                            : source.Turn == SourceTurn.Kept ? Sums[visit.Earlier][place]
                            : new float[visit.SampleCount * lanes]
                    ),
                ];
                Factors[i] =
                [
                    .. visit.Sources.Select(source =>
                        source.IsConstant || isLast ? null : new float[visit.SampleCount * rowLanes]
                    ),
                ];
                Fired[i] = isLast ? [] : new float[visit.SampleCount * lanes];
                Passed[i] = visit.IsPooled ? new float[visit.OutputCount * lanes] : Fired[i];
            }
        }

        public float[]?[][] Sums { get; }

        public float[][] Fired { get; }

        public float[][] Passed { get; }

        public float[]?[][] Factors { get; }

        /// <summary>Of what the output neurons aggregate.</summary>
        public float[] Scores => Sums[^1][0]!;

        /// <summary>Forgets all but what is known of the output neurons.</summary>
        public void Clear()
        {
            for (int i = 0; i < Fired.Length - 1; i++)
            {
                Fired[i].AsSpan().Clear();
                Passed[i].AsSpan().Clear();
                foreach (float[]? sums in Sums[i])
                    sums.AsSpan().Clear();
            }
        }
    }
}
