using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The <see cref="IEstimator{TTransformer}"/> that trains an infomorphic network and gives the outputs of one of its layers as
/// a column, for a pipeline that goes on with them. The network's scores and predicted labels are no columns of it.
/// </summary>
/// <remarks>To create it, use <see cref="InfomorphicCatalog.InfomorphicLayer"/>.</remarks>
/// <seealso cref="InfomorphicLayerTransformer"/>
public sealed class InfomorphicLayerEstimator : IEstimator<InfomorphicLayerTransformer>
{
    private readonly InfomorphicTrainer _trainer;
    private readonly int _layer;
    private readonly string _outputColumn;

    internal InfomorphicLayerEstimator(InfomorphicTrainer trainer, int layer, string outputColumn)
    {
        _trainer = trainer;
        _layer = layer;
        _outputColumn = outputColumn;
    }

    /// <summary>Trains the network.</summary>
    /// <param name="input">The training data, with the columns that the trainer needs.</param>
    /// <returns>The transformer that gives the outputs of the layer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public InfomorphicLayerTransformer Fit(IDataView input) => _trainer.Fit(input).LayerOutputs(_layer, _outputColumn);

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        _ = _trainer.GetOutputSchema(inputSchema); // says what is wrong with the columns
        var outputs = new SchemaShape.Column(
            _outputColumn,
            SchemaShape.Column.VectorKind.Vector,
            NumberDataViewType.Single,
            false,
            new SchemaShape([
                new SchemaShape.Column(
                    AnnotationUtils.Kinds.SlotNames,
                    SchemaShape.Column.VectorKind.Vector,
                    TextDataViewType.Instance,
                    false
                ),
                new SchemaShape.Column(
                    AnnotationUtils.Kinds.IsNormalized,
                    SchemaShape.Column.VectorKind.Scalar,
                    BooleanDataViewType.Instance,
                    false
                ),
            ])
        );
        return new SchemaShape([.. inputSchema.Where(column => column.Name != _outputColumn), outputs]);
    }
}
