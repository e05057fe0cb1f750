using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Numeric;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic;

/// <content>Which features matter, and why a row has its scores.</content>
public sealed partial class InfomorphicModelParameters : ICalculateFeatureContribution, IFeatureContributionMapper
{
    private RowContributions? _contributions;

    /// <summary>What ML.NET's own <c>CalculateFeatureContribution</c> takes: contributions to the log-odds of the predicted class.</summary>
    public FeatureContributionCalculator FeatureContributionCalculator => new(this);

    // What several threads make at once is the same.
    private RowContributions Contributions =>
        _contributions ??= new RowContributions(Networks, ScoringSettings, Encoding, _scorer);

    /// <summary>
    /// Ranks the features by what the model learns of the class from them, in bits, without training: by how much more surprising
    /// classes are for its scores where a feature has the values of other rows, in all that the network reads of it.
    /// </summary>
    /// <remarks>
    /// Take rows that were not trained on: what was learned by heart counts for nothing there, and a feature that says nothing has
    /// 0 bits within its interval. Neurons pass on their mean outputs, whatever they do where rows are scored.
    /// </remarks>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: a key with the model's classes.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to rank; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the ranking.</param>
    /// <returns>The features, the most informative first, with intervals, by class, by layer and by neuron.</returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows are valid.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public FeatureRanking RankFeatures(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        FeatureRankingSettings? settings = null,
        CancellationToken cancellationToken = default
    )
    {
        settings ??= new FeatureRankingSettings();
        settings.Validate(Networks.Count);
        InsightRows rows = ReadRows(
            Network,
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            cancellationToken
        );
        return FeatureRanker.Rank(
            Networks,
            ScoringSettings.Calibrate,
            Encoding,
            rows.Rows,
            FeatureGroups.Of(data.Schema[featureColumnName], rows.FeatureNames, settings.EverySlot),
            rows.ClassNames,
            settings,
            cancellationToken
        );
    }

    /// <summary>
    /// Says how good the model's scores are on labelled data: accuracy, log-loss, how classes are told apart, how probabilities are
    /// calibrated, what is taken for what. Rows are scored as everywhere.
    /// </summary>
    /// <param name="data">Labelled data that was not trained on, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: a key with the model's classes.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The quality.</returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ModelQuality Assess(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        CancellationToken cancellationToken = default
    )
    {
        InsightRows rows = ReadRows(
            Network,
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            cancellationToken
        );
        int classes = Network.ClassCount;
        float[] scores = new float[rows.Rows.RowCount * classes];
        float[] row = new float[Encoding.FeatureCount];
        ScoringBlock block = _scorer.Rent();
        for (int start = 0; start < rows.Rows.RowCount; start += block.RowCount)
        {
            cancellationToken.ThrowIfCancellationRequested();
            block.Clear();
            for (int i = start; i < Math.Min(start + block.Capacity, rows.Rows.RowCount); i++)
            {
                rows.Rows.Features.CopyRow(i, row);
                block.Add(row);
            }

            _scorer.Score(block);
            block.AllProbabilities.CopyTo(scores.AsSpan(start * classes));
        }

        _scorer.Return(block);
        return QualityAssessor.Assess(rows.Rows, rows.Places, scores, rows.ClassNames);
    }

    /// <summary>
    /// Ranked features as a data view, a feature a row, the most informative first: Rank (from 1), Feature (its name), Bits (the
    /// annotation Method says what they are), Low and High (the ends of the interval), AccuracyLoss (the permutation importance), ByClass and ByLayer (bits, the slots named),
    /// and ByNeuron (bits that each hidden neuron's information about the class loses; left out where it was not asked for).
    /// </summary>
    /// <param name="ranking">The ranking.</param>
    /// <returns>The data view.</returns>
    /// <exception cref="ArgumentNullException">There is no ranking.</exception>
    public IDataView ToDataView(FeatureRanking ranking)
    {
        ArgumentNullException.ThrowIfNull(ranking);
        return RankingDataView.Create(Host, ranking);
    }

    /// <summary>
    /// Says why a row has its scores: what each feature contributes to the log-odds of each class, on the way from the base to the
    /// row.
    /// </summary>
    /// <remarks>
    /// Contributions are those of M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks" (2017): the slope of
    /// the log-odds by a feature, integrated along the straight line from the base to the row. A feature that the model does not
    /// use, or that is as in the base, contributes 0.
    /// </remarks>
    /// <param name="features">The row: raw features, as many as the model was trained on.</param>
    /// <returns>Scores, base and contributions; NaN for a row without scores.</returns>
    /// <exception cref="ArgumentException">The number of features is another one.</exception>
    /// <exception cref="InvalidOperationException">
    /// Scores jump: the model is not scored by mean outputs (<see cref="WithScoring"/>), or has neurons that fire by a step.
    /// </exception>
    public RowExplanation ExplainRow(ReadOnlySpan<float> features)
    {
        CheckLength(features.Length);
        RowContributions of = Contributions;
        int[] classes = [.. Enumerable.Range(0, of.ClassCount)];
        float[] scores = new float[classes.Length];
        float[] contributions = new float[classes.Length * features.Length];
        Contribute(features, classes, contributions, scores);
        return new RowExplanation(scores, of.Base, [.. contributions.Chunk(features.Length)]);
    }

    /// <summary>Why the model has no contributions, in one sentence; null where it has them.</summary>
    internal string? ObstacleToContributions => RowContributions.ObstacleTo(Network, ScoringSettings);

    /// <summary>Log-odds of the classes at the base.</summary>
    internal IReadOnlyList<double> ContributionBase => Contributions.Base;

    /// <summary>What scores blocks of rows and finds what their features contribute.</summary>
    /// <param name="classes">The classes that are asked for; null for the predicted one of each row.</param>
    internal ContributionScorer ContributionScorer(int[]? classes) => new(Contributions, _scorer, classes);

    /// <summary>What the features of rows contribute.</summary>
    /// <param name="features">Raw features, row by row.</param>
    /// <param name="classes">The classes that are asked for; null for the predicted one of each row.</param>
    /// <param name="contributions">Receives rows × classes × features.</param>
    /// <param name="scores">Receives rows × classes: all scores.</param>
    internal void Contribute(
        ReadOnlySpan<float> features,
        int[]? classes,
        Span<float> contributions,
        Span<float> scores
    ) => Contributions.Calculate(features, classes, contributions, scores);

    ValueMapper<TSrc, VBuffer<float>> IFeatureContributionMapper.GetFeatureContributionMapper<TSrc, TDst>(
        int top,
        int bottom,
        bool normalize
    ) => ContributionMapper<TSrc>(label: null, top, bottom, normalize);

    /// <summary>What ML.NET's own transformer asks for.</summary>
    /// <typeparam name="TSource">The type of features.</typeparam>
    /// <param name="label">The class whose log-odds are explained; null for the predicted one.</param>
    /// <param name="top">So many positive contributions are kept.</param>
    /// <param name="bottom">So many negative ones.</param>
    /// <param name="normalize">Whether they are divided by the largest magnitude.</param>
    internal ValueMapper<TSource, VBuffer<float>> ContributionMapper<TSource>(
        int? label,
        int top,
        int bottom,
        bool normalize
    )
    {
        Host.Check(typeof(TSource) == typeof(VBuffer<float>), "Features are vectors of single-precision numbers.");
        _ = Contributions; // says now what is wrong with the model
        int[]? classes = label is int one ? [one] : null;
        float[] dense = new float[Encoding.FeatureCount];
        float[] scores = new float[Network.ClassCount];
        return (ValueMapper<TSource, VBuffer<float>>)(Delegate)(ValueMapper<VBuffer<float>, VBuffer<float>>)Map;

        void Map(in VBuffer<float> features, ref VBuffer<float> contributions)
        {
            CheckLength(features.Length);
            features.CopyTo(dense);
            VBufferEditor<float> editor = VBufferEditor.Create(ref contributions, dense.Length);
            Contribute(dense, classes, editor.Values, scores);
            contributions = editor.Commit();
            VectorUtils.SparsifyNormalize(ref contributions, top, bottom, normalize);
        }
    }

    private void CheckLength(int features)
    {
        if (features != Encoding.FeatureCount)
            throw new ArgumentException(
                $"The model was trained on {Encoding.FeatureCount} features, and the row has {features}."
            );
    }

    private InsightRows ReadRows(
        InfomorphicNetwork network,
        IDataView data,
        string labelColumnName,
        string featureColumnName,
        string? exampleWeightColumnName,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentException.ThrowIfNullOrEmpty(labelColumnName);
        ArgumentException.ThrowIfNullOrEmpty(featureColumnName);
        return InsightReader.Read(
            Host,
            network,
            Encoding,
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            cancellationToken
        );
    }
}
