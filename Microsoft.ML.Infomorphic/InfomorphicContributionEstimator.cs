using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The <see cref="IEstimator{TTransformer}"/> that trains an infomorphic network which scores rows and says why: the trainer's
/// columns, and two of contributions.
/// </summary>
/// <remarks>To create it, use <c>mlContext.Transforms.InfomorphicContributions</c>.</remarks>
/// <seealso cref="InfomorphicContributionTransformer"/>
public sealed class InfomorphicContributionEstimator : IEstimator<TransformerChain<InfomorphicContributionTransformer>>
{
    private readonly IEstimator<ISingleFeaturePredictionTransformer<object>> _trainer;
    private readonly string _featureColumn;
    private readonly ContributionClasses _classes;
    private readonly string _contributionColumn;
    private readonly string _baseColumn;

    internal InfomorphicContributionEstimator(
        IEstimator<ISingleFeaturePredictionTransformer<object>> trainer,
        string featureColumn,
        ContributionClasses classes,
        string contributionColumn,
        string baseColumn
    )
    {
        _trainer = trainer;
        _featureColumn = featureColumn;
        _classes = classes;
        _contributionColumn = contributionColumn;
        _baseColumn = baseColumn;
    }

    /// <summary>Trains the network.</summary>
    /// <param name="input">The training data, with the columns that the trainer needs.</param>
    /// <returns>The transformer that scores, and then the one that says what features contribute.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">
    /// The data cannot be learned from, libtorch or the device is not there, or scores of such a network jump.
    /// </exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public TransformerChain<InfomorphicContributionTransformer> Fit(IDataView input)
    {
        ISingleFeaturePredictionTransformer<object> scores = _trainer.Fit(input);
        return new TransformerChain<InfomorphicContributionTransformer>(
            scores,
            scores is ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> binary
                ? binary.Contributions(_contributionColumn, _baseColumn)
                : ((ISingleFeaturePredictionTransformer<InfomorphicModelParameters>)scores).Contributions(
                    _classes,
                    _contributionColumn,
                    _baseColumn
                )
        );
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        SchemaShape scores = _trainer.GetOutputSchema(inputSchema);
        var names = new SchemaShape([
            new SchemaShape.Column(
                AnnotationUtils.Kinds.SlotNames,
                SchemaShape.Column.VectorKind.Vector,
                TextDataViewType.Instance,
                false
            ),
        ]);
        bool hasAll = _classes == ContributionClasses.All;
        bool hasNames =
            inputSchema.TryFindColumn(_featureColumn, out SchemaShape.Column features)
            && features.Annotations.TryFindColumn(AnnotationUtils.Kinds.SlotNames, out SchemaShape.Column _);
        var contributions = new SchemaShape.Column(
            _contributionColumn,
            SchemaShape.Column.VectorKind.Vector,
            NumberDataViewType.Single,
            false,
            hasAll || hasNames ? names : null
        );
        var bases = new SchemaShape.Column(
            _baseColumn,
            hasAll ? SchemaShape.Column.VectorKind.Vector : SchemaShape.Column.VectorKind.Scalar,
            NumberDataViewType.Single,
            false,
            hasAll ? names : null
        );
        return new SchemaShape([
            .. scores.Where(column => column.Name != _contributionColumn && column.Name != _baseColumn),
            contributions,
            bases,
        ]);
    }
}
